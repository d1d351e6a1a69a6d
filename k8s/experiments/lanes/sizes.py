"""How many multiplications take the wanted time, from tries: (REPEAT, seconds from one answer to the next of a pod at its limit)."""
import statistics

# A guess; measured before the first run.
FIRST_REPEAT = 1200
# Of the last try from what all tries together say, and the most of them: a machine that others share is now faster, now slower.
CLOSE_ENOUGH, TRIES = 0.05, 6
# Of the last try from the wanted time: a CPU period of 20 ms in 0.2 s, and a half.
STAIR = 0.15


def wanted(tries, turn_s):
    """REPEAT that takes `turn_s`. Between the nearest tries that took less and more, where there are both: a pod at its limit waits for
    the next CPU period again and again, so that time goes up by stairs, and a few multiplications more can cost a whole period. In
    proportion to the median of all otherwise."""
    below = [one for one in tries if one[1] < turn_s]
    above = [one for one in tries if one[1] >= turn_s]
    if below and above:
        (low, low_s), (high, high_s) = max(below), min(above)
        # Of a machine that was slower for a while, the shorter try may have taken longer.
        share = (turn_s - low_s) / (high_s - low_s) if low < high else 0.5
        return max(1, round(low + share * (high - low)))
    return max(1, round(turn_s / statistics.median(took_s / repeat for repeat, took_s in tries)))


def agreed(tries, turn_s):
    """REPEAT, once the last of at least two tries is close to what all say and took nearly as long as wanted; None before."""
    repeat, (last, took_s) = wanted(tries, turn_s), tries[-1]
    close = abs(repeat / last - 1) <= CLOSE_ENOUGH and abs(took_s / turn_s - 1) <= STAIR
    return repeat if len(tries) > 1 and close else None
