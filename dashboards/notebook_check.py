"""The tests of notebook-test: run by it, in an environment that has what the notebook needs."""
import csv, html.parser, io, itertools, json, math, os, pathlib, re, shutil, subprocess, sys

import pypdfium2, resvg_py
from PIL import Image, ImageChops, ImageStat

DASHBOARDS = pathlib.Path(__file__).resolve().parent
RECORDED = DASHBOARDS / "testdata"
NOTEBOOK = DASHBOARDS / "results.ipynb"
README_PICTURE = DASHBOARDS / "results.png"
SCRATCH = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(DASHBOARDS.parent / "jmeter"))
from loadtest.samples import read_samples  # noqa: E402
from loadtest.verdict import summary  # noqa: E402

OWN = {name: str(RECORDED / f"{name}.podStatus.json") for name in ("agent", "threshold", "trend")}
PICTURES = ["response_time", "service_time", "utilization", "cpu", "workload", "pods", "response_time_threshold", "response_times",
            "comparison", "results"]
problems = []


def check(holds, problem):
    if not holds:
        problems.append(problem)
        print(f"  FAILED: {problem}", flush=True)


def papermill(name, **parameters):
    """Executes the notebook; its folder of results, and the process."""
    out = SCRATCH / name
    given = SCRATCH / f"{name}.yaml"
    # JSON is YAML.
    given.write_text(json.dumps({"out": str(out)} | parameters))
    command = [sys.executable, "-m", "papermill", NOTEBOOK, SCRATCH / f"{name}.ipynb", "-f", given, "--no-progress-bar", "--cwd", DASHBOARDS]
    return out, subprocess.run(command, capture_output=True, text=True)


def good(name, **parameters):
    print(f"{name}: drawn, and compared with scaler report", flush=True)
    out, process = papermill(name, **parameters)
    check(process.returncode == 0, f"{name}: the notebook failed:\n{process.stderr[-3000:]}")
    return out if process.returncode == 0 else None


def pictures(out, names, runs):
    """Each picture is there in its formats and shows more than axes: ink in the colours of lines."""
    for name in names:
        for kind in ("pdf", "svg"):
            path = out / f"{name}.{kind}"
            if not path.exists():
                check(False, f"{path.name} is missing")
                continue
            picture = pypdfium2.PdfDocument(path)[0].render(scale=1).to_pil() if kind == "pdf" else \
                Image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=path.read_text(), dpi=72))))
            share = coloured(picture)
            check(share > 0.002, f"{runs}: {path.name} has almost no colour ({share:.3%} of it): no line is drawn")


def coloured(picture):
    """Share of the pixels that are neither white, grey nor black, nor a pale tint."""
    ground = Image.new("RGBA", picture.size, "white")
    ground.alpha_composite(picture.convert("RGBA"))
    saturation = ground.convert("HSV").getchannel("S")
    return sum(saturation.histogram()[90:]) / (picture.width * picture.height)


class Tables(html.parser.HTMLParser):
    """The rows of each table of a page, as text; rows and cells need not be closed."""

    def __init__(self, page):
        super().__init__()
        self.tables, self.open = [], False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
            self.open = True

    def handle_endtag(self, tag):
        self.open &= tag not in ("td", "th", "tr", "table")

    def handle_data(self, data):
        if self.open:
            self.tables[-1][-1][-1] += data.strip("\n")


def number(value):
    """As the report writes numbers: three digits or so."""
    value = float(value) if value != "" else math.nan
    size = abs(value)
    if not math.isfinite(value):
        return "\u2013"
    if size == 0:
        return "0"
    if not 1e-4 <= size < 1e9:
        mantissa, exponent = f"{value:.2e}".split("e")
        return f"{mantissa}e{int(exponent)}"
    if size >= 1000:
        return f"{value:,.0f}".replace(",", "\u202f")
    digits = [digits for least, digits in ((100, 0), (10, 1), (1, 2), (0.01, 3), (0, 5)) if size >= least][0]
    return f"{value:.{digits}f}"


def count(value):
    value = float(value)
    return f"{value:.0f}" if value.is_integer() and abs(value) < 1000 else number(value)


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def same_as_report(name, out, runs):
    """The comparison and every check are, to the digits of the report's page, what the report's own tables say."""
    # Twice the only file of a run: the page compares two or more.
    files = list(runs.values()) * (1 if len(runs) > 1 else 2)
    page = SCRATCH / f"{name}.html"
    subprocess.run([os.environ["SCALER"], "report", *files, "--out", page], check=True, stdout=subprocess.DEVNULL)
    tables = Tables(page.read_text(encoding="utf-8")).tables
    summaries, decisions = tables[0][1:], tables[1:]
    columns = [("checks", count), ("violating checks", count), ("max pressure", number), ("mean pods", number), ("pod-minutes", number),
               ("actions", count), ("reversals", count), ("requests", lambda value: count(round(float(value))))]
    for ours, theirs in zip(rows_of(out / "comparison.csv"), summaries):
        found = [form(ours[column]) for column, form in columns]
        check(found == theirs[1:], f"{name}: the comparison of {ours['run']} is {found}, but in the report {theirs[1:]}")
    checks = rows_of(out / "checks.csv")
    compared = 0
    for (run, group), table in zip(itertools.groupby(checks, key=lambda row: row["run"]), decisions):
        head, body = table[0], table[1:]
        group = list(group)
        check(len(group) == len(body), f"{name}: {run} has {len(group)} checks, but in the report {len(body)}")
        reason = any(column.startswith("Reason") for column in head)
        for ours, theirs in zip(group, body):
            found = [ours["check"], ours["time"][:19], ours["nInstances"], ours["ordered"]] + [number(ours[column]) for column in (
                "avgResponseTime", "pressure", "workload", "utilization", "CPUUsage (Prometheus)", "queueLengthDominant", "avgServiceTime")]
            report = theirs[:4] + theirs[4 + reason:11 + reason]
            compared += 1
            check(found == report, f"{name}: check {ours['check']} of {run} is {found}, but in the report {report}")
    check(compared == len(checks) > 0, f"{name}: {compared} of {len(checks)} checks were compared with the report")
    print(f"  {len(runs)} summaries and {compared} checks compared with the report", flush=True)


def same_as_demo(out):
    """To the last digit that the recorded files have, what the demo counted of the same runs."""
    names = {"checks": "checks", "checks with load": "checksWithLoad", "violating checks": "violatingChecks", "max pressure": "maxPressure",
             "mean pods": "meanPods", "pod-minutes": "podMinutes", "actions": "actions", "reversals": "reversals", "requests": "requests"}
    policies = json.loads((RECORDED / "demo.json").read_text())["policies"]
    for ours, policy in zip(rows_of(out / "comparison.csv"), policies, strict=True):
        check(policy["policy"].startswith(ours["run"]), f"{ours['run']} was compared with {policy['policy']}")
        for column, key in names.items():
            theirs = policy["checks"][key]
            check(math.isclose(float(ours[column]), theirs, rel_tol=1e-5), f"{ours['run']}: {column} is {ours[column]}, but {theirs} in demo.json")


def same_as_jmeter(out, path):
    """What jmeter/run says of the same samples."""
    samples = [one for one in read_samples(path).counted if one.ok]
    sides = {"client": [one.client_s for one in samples], "service: response time": [one.response_s for one in samples],
             "service: service time": [one.service_s for one in samples],
             "client - response time": [one.client_s - one.response_s for one in samples]}
    rows = {row["side"]: row for row in rows_of(out / "load.csv")}
    for side, values in sides.items():
        check(int(rows[side]["requests"]) == len(values), f"{side}: {rows[side]['requests']} requests, but {len(values)} in the file")
        for key, theirs in summary(values).items():
            ours = float(rows[side][f"{key} (s)"])
            check(math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-12), f"{side}: {key} is {ours}, but {theirs} by jmeter/run's count")


def same_as_readme(out):
    """The picture that the repository shows is that of the notebook as it is."""
    drawn = Image.open(out / "results.png").convert("RGB")
    if "--bless" in sys.argv:
        shutil.copyfile(out / "results.png", README_PICTURE)
    shown = Image.open(README_PICTURE).convert("RGB")
    check(README_PICTURE.stat().st_size < 150_000, f"{README_PICTURE.name} has {README_PICTURE.stat().st_size} bytes")
    differs = drawn.size != shown.size or max(ImageStat.Stat(ImageChops.difference(drawn, shown)).mean) > 1
    check(not differs, f"{README_PICTURE.name} is not what the notebook draws: look at it, and take it with --bless")


def changed(change):
    """Text of a recorded run with one thing changed."""
    status = json.loads(pathlib.Path(OWN["trend"]).read_text())
    change(status)
    return json.dumps(status)


def drain(status):
    """Pods that start and that leave, in some checks; the first checks rolled out of the file."""
    for key in ("check_1", "check_2"):
        del status[key]
    for place, row in enumerate(status.values()):
        row["decision"] |= {"starting": place % 3, "terminating": place % 4}


def broken():
    """(What is wrong, text of the file or None for none, what the message must say) of status files."""
    third = lambda key, value: changed(lambda status: status["check_3"].update({key: value}))  # noqa: E731
    return [
        ("no file", None, "there is no such file"),
        ("half a file", changed(lambda status: None)[:5000], "is not JSON"),
        ("a list", "[]", "must be an object with the keys check_1"),
        ("no checks", "{}", "holds no checks"),
        ("a foreign key", '{"run": {}}', "the key 'run' is not check_1"),
        ("a missing field", changed(lambda status: status["check_3"].pop("avgResponseTime")), 'check_3: "avgResponseTime" is missing'),
        ("text for a number", third("pressure", "high"), "check_3: \"pressure\" is 'high', but must be a number, 0 or more"),
        ("a negative time", third("avgServiceTime", -0.5), 'check_3: "avgServiceTime" is -0.5'),
        ("no number", third("workload", math.nan), 'check_3: "workload" is nan'),
        ("half a pod", third("nInstances", 1.5), 'check_3: "nInstances" is 1.5, but must be a whole number'),
        ("another clock", third("timestamp", "2026-11-24"), "check_3: \"timestamp\" is '2026-11-24'"),
        ("an unknown action", third("action", "up"), "check_3: \"action\" is 'up'"),
        ("checks in disorder", changed(lambda status: status.update(check_1=status.pop("check_1"))), "not in ascending order"),
        ("half a decision", changed(lambda status: status["check_3"]["decision"].pop("starting")), 'check_3.decision: "starting" is missing'),
    ]


def broken_samples():
    head, first = (RECORDED / "samples.jtl").read_text().splitlines()[::4][:2]
    return [
        ("no columns", "a,b\n1,2\n", "the columns timeStamp, elapsed, label, success, svc_S, svc_R are missing"),
        ("nothing", "", "is not a result file of JMeter"),
        ("warm-up alone", f"{head}\n", 'holds no sample labelled "multiply"'),
        ("a torn line", f"{head}\n{first.split(',')[0]},,multiply\n", "\"elapsed\" of sample 1 is '', but must be milliseconds"),
    ]


def run_cells(names, space):
    """Runs cells of the notebook here, by their ids."""
    cells = {cell["id"]: "".join(cell["source"]) for cell in json.loads(NOTEBOOK.read_text())["cells"]}
    exec(compile("\n".join(cells[name] for name in names), "results.ipynb", "exec"), space)


def reading_cells():
    """What the cells that read files define."""
    # Somewhere else, as they make the folder of the results.
    os.chdir(shutil.copytree(RECORDED, SCRATCH / "cwd/testdata").parent)
    space = {"__name__": "notebook"}
    run_cells(["parameters", "style", "read-status", "read-samples"], space)
    return space


def threshold_belongs_to_the_run(space):
    """The threshold is drawn over the requests of the run itself, and over no others."""
    load, checks = space["load"], space["main"]
    space["load"] = None
    run_cells(["load"], space)
    # The times of checks are UTC without saying so.
    began = checks["time"].iloc[0].tz_localize("UTC").timestamp()
    for what, shift_s, expected in [("during", began + 10, 0.25), ("hours before", began - 9000, None), ("hours after", began + 9000, None)]:
        moved = load.assign(start_s=load["start_s"] - load["start_s"].min() + shift_s)
        found = space["threshold_of"](moved)
        check(found == expected, f"requests {what} the run: the threshold is {found}, not {expected}")


def refuses_broken_files(space):
    """Every broken file ends the reading with an AssertionError that names file and fault, and nothing else does."""
    for reader, cases in (("read_status", broken()), ("read_samples", broken_samples())):
        for number_, (what, text, expected) in enumerate(cases):
            path = SCRATCH / f"{reader}-{number_}"
            if text is not None:
                path.write_text(text)
            try:
                space[reader](path)
                said = "nothing"
            except AssertionError as error:
                said = str(error)
            except Exception as error:  # noqa: BLE001 - whatever else it raises is the failure that is looked for
                said = f"{type(error).__name__}: {error}"
            check(expected in said and str(path) in said, f"{what}: expected a message with {expected!r}, got: {said}")
        print(f"{reader}: {len(cases)} broken files refused", flush=True)


def committed_without_outputs():
    notebook = json.loads(NOTEBOOK.read_text())
    check("parameters" in notebook["cells"][0]["metadata"].get("tags", []), "the first cell is not tagged `parameters`")
    for cell in notebook["cells"]:
        check(not cell.get("outputs") and cell.get("execution_count") is None, f"the cell {cell['id']} is committed with outputs")


def main():
    committed_without_outputs()
    space = reading_cells()
    refuses_broken_files(space)
    threshold_belongs_to_the_run(space)
    blank = Image.new("RGB", (100, 100), "white")
    check(coloured(blank) == 0, "a blank picture passes for a drawn one")

    if out := good("own"):
        pictures(out, [*PICTURES, "load"], "own")
        same_as_report("own", out, OWN)
        same_as_demo(out)
        same_as_jmeter(out, RECORDED / "samples.jtl")
        same_as_readme(out)

    # Without CPU, without JMeter, and without what another writer does not tell; and one with pods that start and drain.
    bare = SCRATCH / "bare.podStatus.json"
    bare.write_text(changed(lambda status: [(row.pop("decision"), row.update({"CPUUsage (Prometheus)": None})) for row in status.values()]))
    drained = SCRATCH / "drained.podStatus.json"
    drained.write_text(changed(drain))
    runs = {"bare": str(bare), "drained": str(drained)}
    if out := good("bare", runs=runs, samples=""):
        pictures(out, [name for name in PICTURES if name != "cpu"], "bare")
        same_as_report("bare", out, runs)
        check(not (out / "load.csv").exists(), "there is a load.csv without a JMeter run")

    bad = SCRATCH / "bad.podStatus.json"
    bad.write_text(changed(lambda status: status["check_3"].pop("avgResponseTime")))
    print("broken: the whole notebook ends", flush=True)
    _, process = papermill("broken", runs={"broken": str(bad)})
    said = re.sub(r"\x1b\[[\d;]*m", "", process.stderr).strip().splitlines()
    check(process.returncode != 0, "the notebook passes a file without avgResponseTime")
    check(said and said[-1] == f'AssertionError: {bad}: check_3: "avgResponseTime" is missing', f"the last line is {said[-1:]}")

    if folder := os.environ.get("REFERENCE_RUNS"):
        files = sorted(pathlib.Path(folder).resolve().glob("*.json"))
        check(files, f"REFERENCE_RUNS={folder} holds no *.json")
        runs = {file.name.removesuffix(".podStatus.json"): str(file) for file in files}
        if files and (out := good("reference", runs=runs, samples="")):
            pictures(out, PICTURES, "reference")
            same_as_report("reference", out, runs)
    else:
        print("reference runs: skipped, REFERENCE_RUNS is not set")
    print(f"notebook-test: {len(problems)} problems" if problems else "notebook-test: all good")
    return bool(problems)


sys.exit(main())
