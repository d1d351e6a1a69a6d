"""Loads in the words of JMeter: a schedule for plans/open.jmx, rows for plans/classic.jmx."""
import itertools, xml.etree.ElementTree as xml

# The schedule's clock starts with the test, before the warm-up: arrivals begin after it.
LEAD_S = 10
# Below it the timer of the classic plan starves what follows (and at 0 hangs).
CLASSIC_FLOOR_RPS = 1.0
# Length of a row of the classic plan; the timer counts in whole seconds.
CLASSIC_ROW_S = 10
# The timer's own wish: between 1 and 500 clients, 2 to spare.
FEEDBACK = "${__tstFeedback(Rate,1,500,2)}"
GROUP = "com.blazemeter.jmeter.threads.concurrency.ConcurrencyThreadGroup"
TIMER = "kg.apc.jmeter.timers.VariableThroughputTimer"


def open_schedule(arrivals_s, drain_s):
    """One step for each millisecond that has arrivals, to the millisecond; then time for the last answers.

    A step of 1 ms at (1000 k + 1)/s holds floor(k + 0.001) = k arrivals, whatever its seed.
    """
    steps, clock_ms = [f"pause({LEAD_S * 1000} ms)"], 0
    for at_ms, group in itertools.groupby(int(time * 1000) for time in arrivals_s):
        rate = 1000 * len(list(group)) + 1
        if at_ms > clock_ms:
            steps.append(f"pause({at_ms - clock_ms} ms)")
        steps.append(f"rate({rate}/s) random_arrivals(1 ms) rate({rate}/s)")
        clock_ms = at_ms + 1
    return "\n".join([*steps, f"pause({drain_s} s)", ""])


def classic_rows(bin_s, rates):
    """Rows of (rate, seconds), and the requests that the floor adds to the workload."""
    size = max(1, round(CLASSIC_ROW_S / bin_s))
    rows, added = [], 0.0
    for at in range(0, len(rates), size):
        block = rates[at:at + size]
        rate, length_s = sum(block) / len(block), max(1, round(len(block) * bin_s))
        added += max(0.0, CLASSIC_FLOOR_RPS - rate) * length_s
        rows.append((max(rate, CLASSIC_FLOOR_RPS), length_s))
    return rows, added


def expected_requests(rows, until_s):
    """Requests that the rows hold in their first `until_s` seconds."""
    total = 0.0
    for rate, length_s in rows:
        total += rate * max(0.0, min(length_s, until_s))
        until_s -= length_s
    return total


def write_classic_plan(template, rows, path, clients):
    """The plan with these rows in its timer and that many clients, or as many as the timer asks for (FEEDBACK)."""
    tree = xml.parse(template)
    tree.find(f".//{GROUP}/stringProp[@name='TargetLevel']").text = str(clients)
    profile = tree.find(f".//{TIMER}/collectionProp[@name='load_profile']")
    for old in list(profile):
        profile.remove(old)
    for number, (rate, length_s) in enumerate(rows):
        row = xml.SubElement(profile, "collectionProp", name=str(number))
        for name, value in enumerate([f"{rate:.3f}", f"{rate:.3f}", str(length_s)]):
            xml.SubElement(row, "stringProp", name=str(name)).text = value
    tree.write(path, encoding="UTF-8", xml_declaration=True)
