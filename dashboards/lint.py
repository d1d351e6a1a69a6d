"""What can be said of a dashboard without a Grafana."""
import json, os, re

KINDS = {"timeseries", "stat", "state-timeline"}
# Of Grafana's list (packages/grafana-data, valueFormats/categories.ts), those in use.
UNITS = {"none", "short", "s", "reqps", "recps", "reqpm", "cpm", "percentunit", "bytes", "Bps"}
# And what is counted, written behind the number.
COUNTED = {f"suffix:{word}" for word in ("cores", "errors", "intervals", "pods", "records", "requests", "targets")}
# Of no unit: ratios of like to like, numbers that name something, states.
UNITLESS = {"Check", "Pressure", "Probe", "Decisions", "Alerts", "Model", "Node load"}
COLOURS = {"text", "green", "red", "orange", "gray", "transparent"}
PANEL_KEYS = {"id", "type", "title", "description", "datasource", "gridPos", "targets", "fieldConfig", "options"}
TARGET_KEYS = {"refId", "datasource", "expr", "legendFormat", "range", "instant", "editorMode"}
# `kubectl apply` keeps a copy of an object in an annotation, and annotations are bounded.
CONFIG_MAP_BYTES = 240 << 10
SOURCE = {"type": "prometheus", "uid": "${datasource}"}


def problems(dashboards):
    """Sentences, one for each thing that is wrong; `dashboards` by file name without its ending."""
    found = []
    for name, dashboard in dashboards.items():
        found += [f"{name}: {problem}" for problem in of_dashboard(dashboard)]
    uids = [d["uid"] for d in dashboards.values()]
    if len(set(uids)) < len(uids):
        found.append(f"uids are not unique: {uids}")
    size = len(json.dumps({name: json.dumps(d, indent=1) for name, d in dashboards.items()}))
    if size > CONFIG_MAP_BYTES:
        found.append(f"{size} bytes do not fit into one ConfigMap that is applied")
    return found


def of_dashboard(dashboard):
    text = json.dumps(dashboard)
    if "__inputs" in text or dashboard.get("id") is not None:
        yield "exported, not provisioned: __inputs or an id"
    if not re.fullmatch(r"[a-z0-9-]{1,40}", dashboard["uid"]):
        yield f"uid {dashboard['uid']}"
    if dashboard["editable"] or not isinstance(dashboard["schemaVersion"], int):
        yield "editable, or schemaVersion is no number"
    variables = {v["name"] for v in dashboard["templating"]["list"]}
    if "datasource" not in variables:
        yield "no variable datasource"
    taken, numbers = set(), set()
    for panel in dashboard["panels"]:
        cells = {(x, y) for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
                 for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])}
        if cells & taken or any(x >= 24 for x, _ in cells):
            yield f"{panel['title']}: overlaps, or is wider than the page"
        if panel["id"] in numbers:
            yield f"{panel['title']}: id {panel['id']} twice"
        taken, numbers = taken | cells, numbers | {panel["id"]}
        if panel["type"] != "row":
            yield from (f"{panel['title']}: {problem}" for problem in of_panel(panel, variables))


def of_panel(panel, variables):
    if set(panel) != PANEL_KEYS:
        yield f"keys {set(panel) ^ PANEL_KEYS}"
    if panel["type"] not in KINDS:
        yield f"type {panel['type']}"
    defaults = panel["fieldConfig"]["defaults"]
    if not panel["title"] or len(panel["description"]) < 15 or not panel["description"].endswith("."):
        yield "no title, or no description that is a sentence"
    if defaults.get("unit") not in UNITS | COUNTED or (defaults["unit"] == "none" and panel["title"] not in UNITLESS):
        yield f"unit {defaults.get('unit')}"
    if panel["datasource"] != SOURCE:
        yield "not the variable's data source"
    for step in defaults.get("thresholds", {}).get("steps", []):
        if step["color"] not in COLOURS:
            yield f"colour {step['color']}"
    legends = [target["legendFormat"] for target in panel["targets"]]
    if len(set(legends)) < len(legends):
        yield f"legends twice: {legends}"
    for target in panel["targets"]:
        if set(target) != TARGET_KEYS or target["datasource"] != SOURCE:
            yield f"target {target['refId']}: keys, or not the variable's data source"
        unknown = set(re.findall(r"\$([a-z_]+)", target["expr"])) - variables - {"__rate_interval"}
        if unknown:
            yield f"unknown variables {unknown}"
        if re.search(r"\b(rate|increase)\([^\[]*\[(?!\$__rate_interval)", target["expr"]):
            yield f"a rate over another time than $__rate_interval: {target['expr']}"
    for override in panel["fieldConfig"]["overrides"]:
        if override["matcher"]["options"] not in legends:
            yield f"an override for {override['matcher']['options']}, which is no legend"


def load(folder):
    found = {}
    for name in sorted(os.listdir(folder)):
        if name.endswith(".json"):
            with open(os.path.join(folder, name)) as file:
                found[name[:-len(".json")]] = json.load(file)
    return found


def targets(dashboards):
    """(dashboard, panel, query) of all queries."""
    for name, dashboard in dashboards.items():
        for panel in dashboard["panels"]:
            for target in panel.get("targets", []):
                yield name, panel, target
