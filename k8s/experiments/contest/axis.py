"""Axes: from values to places in a picture, with round ticks."""
import math
from typing import NamedTuple


class Axis(NamedTuple):
    """From `low` at `start` to `high` at `end`, in the picture's units; values beyond are drawn at the edge."""
    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def at(self, value):
        low, high, value = (math.log(max(v, 1e-9)) if self.logarithmic else v for v in (self.low, self.high, value))
        share = (value - low) / (high - low) if high > low else 0.0
        return self.start + min(1.0, max(0.0, share)) * (self.end - self.start)

    def ticks(self, count):
        """At most about so many round values."""
        return log_ticks(self.low, self.high) if self.logarithmic else linear_ticks(self.low, self.high, step_for(self.high - self.low, count))


def step_for(span, count):
    """1, 2 or 5 times a power of ten."""
    rough = max(span, 1e-9) / count
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= rough * (1 - 1e-9))


def linear_ticks(low, high, step):
    first = math.ceil(low / step - 1e-9)
    return [number * step for number in range(first, math.floor(high / step + 1e-9) + 1)]


def log_ticks(low, high, steps=None):
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = steps or ((1, 2, 5) if math.log10(high / low) <= 3.2 else (1,))
    return [value for value in (step * 10.0 ** power for power in powers for step in steps) if low * 0.999 <= value <= high * 1.001]


def rounded_up(value, count=4):
    step = step_for(value, count)
    return math.ceil(value / step - 1e-9) * step


def written(value):
    return f"{value:.6g}"


def response_axis(values, threshold_s, start, end):
    """Linear, or logarithmic where overload would press the rest flat against the zero line."""
    most, least = max([*values, threshold_s]), min([value for value in values if value > 0], default=threshold_s)
    if most <= 8 * threshold_s:
        return Axis(0.0, rounded_up(1.05 * max(most, 1.6 * threshold_s)), start, end)
    low = max(value for value in log_ticks(1e-3, 1e3, (1, 2, 5)) if value <= max(min(least, threshold_s), 1e-3))
    return Axis(low, 1.2 * most, start, end, logarithmic=True)
