"""A load by name: its arrival times and its rates, both as `agent workload` writes them."""
import csv, json, math, os, shutil, subprocess

from .problem import Problem

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "workloads")
REPOSITORY = os.path.dirname(os.path.dirname(FOLDER))


def known():
    """The workloads of workloads/workloads.json by name."""
    with open(os.path.join(FOLDER, "workloads.json"), encoding="utf-8") as file:
        return json.load(file)


def find_agent(given=None):
    """The agent's binary: the given one, this repository's newest build, or what the PATH names."""
    if given:
        if not shutil.which(given):
            raise Problem(f"--agent {given}: there is no such program")
        return given
    builds = [os.path.join(REPOSITORY, "target", profile, "agent") for profile in ("release", "debug")]
    builds = [build for build in builds if os.access(build, os.X_OK)]
    found = max(builds, key=os.path.getmtime, default=None) or shutil.which("agent")
    if not found:
        raise Problem("arrival times come from `agent workload`, and there is no agent: `cargo build --release -p agent`, "
                      "or name it (--agent), or give arrival times (--arrivals)")
    return found


def draw(agent, name, emit, output, *, seed=None, duration_s=None, peak_rps=None):
    """Has `agent workload` write the arrivals or the rates of a workload; the same file for the same arguments."""
    workload = known().get(name)
    if workload is None:
        raise Problem(f"there is no workload {name}; there are {', '.join(known())}")
    arguments = [os.path.join(FOLDER, a) if a.endswith(".csv") else a for a in workload["arguments"]]
    for flag, value in [("--duration-s", duration_s), ("--high-rps", peak_rps)]:
        if value is not None:
            arguments = replaced(arguments, flag, f"{value:g}")
    seed = workload["seed"] if seed is None else seed
    done = subprocess.run([agent, "workload", *arguments, "--seed", str(seed), "--emit", emit, "--output", output],
                          capture_output=True, text=True)
    if done.returncode:
        raise Problem(f"`agent workload` failed: {done.stderr.strip()}")


def replaced(arguments, flag, value):
    """The arguments with one value for the flag, whether it was there or not."""
    if flag in arguments:
        at = arguments.index(flag)
        arguments = arguments[:at] + arguments[at + 2:]
    return [*arguments, flag, value]


def read_arrivals(path, duration_s=None):
    """Arrival times, seconds, ascending: CSV with the header `second`."""
    times = [row[0] for row in read_rows(path, ["second"])]
    for line, (before, time) in enumerate(zip([0.0, *times], times), 2):
        if time < before:
            raise Problem(f"{path}, line {line}: {time} is before {before}; arrival times ascend from 0")
    if duration_s is not None:
        times = [time for time in times if time < duration_s]
    if not times:
        raise Problem(f"{path} holds no arrival" + (f" before {duration_s:g} s" if duration_s else ""))
    return times


def read_rates(path):
    """The length of a bin, seconds, and the rate of each, requests/s: CSV with the header `second,rate`."""
    rows = read_rows(path, ["second", "rate"])
    if len(rows) < 2:
        raise Problem(f"{path} has {len(rows)} rows, at least 2 are needed")
    return rows[1][0] - rows[0][0], [rate for _, rate in rows]


def read_rows(path, header):
    rows = []
    try:
        with open(path, newline="", encoding="utf-8") as file:
            reader = csv.reader(file)
            found = next(reader, [])
            if found != header:
                raise Problem(f"{path} begins with {','.join(found)!r}, not with {','.join(header)!r}")
            for line, row in enumerate(reader, 2):
                try:
                    rows.append([float(value) for value in row])
                except ValueError:
                    rows.append([math.nan])
                if len(rows[-1]) != len(header) or not all(math.isfinite(value) and value >= 0 for value in rows[-1]):
                    raise Problem(f"{path}, line {line}: {','.join(row)!r} is not {len(header)} numbers, 0 or more")
    except OSError as error:
        raise Problem(f"{path} cannot be read: {error.strerror}") from error
    return rows
