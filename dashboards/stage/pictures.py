"""Draws the data of a dashboard's panels as one SVG: the panels' places, titles, units and legends, but not Grafana's hand."""
import html, math, os, time

WIDTH, ROW, GAP, STEP_S = 1680, 34, 10, 1
COLOURS = ["#3b7dd8", "#e08a00", "#2e9e5b", "#8a5cc2", "#00a0a8", "#c2478c", "#7a7a00", "#555555"]
RED, GRAY = "#d63333", "#999999"


def draw(scene, dashboards, filled, folder):
    os.makedirs(folder, exist_ok=True)
    end = time.time()
    # The first seconds have no rates yet.
    start = float(scene.ask("query", query="min(min_over_time(timestamp(up)[1h:1s]))")["result"][0]["value"][1]) + 5
    for name, dashboard in dashboards.items():
        rows = max(p["gridPos"]["y"] + p["gridPos"]["h"] for p in dashboard["panels"])
        parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{rows * ROW + 40}" font-family="DejaVu Sans, sans-serif">',
                 f'<rect width="100%" height="100%" fill="#f4f5f5"/><text x="{GAP}" y="26" font-size="18">{html.escape(dashboard["title"])}</text>']
        for panel in dashboard["panels"]:
            parts.append(drawn(panel, lambda expr: asked(scene, filled(expr), start, end), start, end))
        path = os.path.join(folder, name + ".svg")
        with open(path, "w") as file:
            file.write("\n".join(parts) + "\n</svg>\n")
        yield path


def asked(scene, expr, start, end):
    found = scene.ask("query_range", query=expr, start=start, end=end, step=STEP_S)["result"]
    return [(series["metric"], [(float(t), float(v)) for t, v in series["values"]]) for series in found]


def drawn(panel, ask, start, end):
    place, unit = panel["gridPos"], WIDTH / 24
    x, y = place["x"] * unit + GAP / 2, place["y"] * ROW + 40
    width, height = place["w"] * unit - GAP, place["h"] * ROW - GAP
    title = html.escape(panel["title"])
    if panel["type"] == "row":
        return f'<text x="{x}" y="{y + 20}" font-size="14" font-weight="bold">{title}</text>'
    box = (f'<g transform="translate({x:.0f},{y:.0f})"><rect width="{width:.0f}" height="{height:.0f}" fill="white" stroke="#d0d0d0"/>'
           f'<text x="8" y="18" font-size="12" font-weight="bold">{title}</text>')
    lines = [(named(target["legendFormat"], metric), style(panel, target), points)
             for target in panel["targets"] for metric, points in ask(target["expr"])]
    if not lines:
        return box + f'<text x="8" y="50" fill="{RED}" font-size="13">No data</text></g>'
    body = {"stat": stat, "state-timeline": timeline}.get(panel["type"], chart)
    return box + body(panel, lines, width, height, start, end) + "</g>"


def named(legend, metric):
    for label, value in metric.items():
        legend = legend.replace("{{" + label + "}}", value)
    return legend


def style(panel, target):
    for override in panel["fieldConfig"]["overrides"]:
        if override["matcher"]["options"] == target["legendFormat"]:
            return {p["id"]: p["value"] for p in override["properties"]}
    return {}


def stat(panel, lines, width, height, start, end):
    defaults, out = panel["fieldConfig"]["defaults"], []
    words = {value: word["text"] for mapping in defaults.get("mappings", []) for value, word in mapping["options"].items()}
    for i, (legend, _, points) in enumerate(lines):
        at, value = width * (i + 0.5) / len(lines), points[-1][1]
        large, small = words.get(f"{value:g}", shown(value, defaults["unit"])), legend
        if panel["options"]["textMode"] == "name":
            large, small = legend, ""
        out.append(f'<text x="{at:.0f}" y="{height / 2 + 18:.0f}" font-size="{24 if len(large) < 12 else 18}" text-anchor="middle">{html.escape(large)}</text>'
                   f'<text x="{at:.0f}" y="{height - 8:.0f}" font-size="10" text-anchor="middle">{html.escape(small)}</text>')
    return "".join(out)


def timeline(panel, lines, width, height, start, end):
    out, each = [], (height - 40) / len(lines)
    for i, (legend, _, points) in enumerate(lines):
        y = 28 + i * each
        out.append(f'<text x="8" y="{y + each / 2 + 4:.0f}" font-size="10">{html.escape(legend)}</text>')
        for since, until in spans(points):
            x, wide = (130 + (t - start) / (end - start) * (width - 140) for t in (since, until + STEP_S))
            out.append(f'<rect x="{x:.1f}" y="{y + 2:.0f}" width="{wide - x:.1f}" height="{each - 4:.0f}" fill="#ff9830"/>')
    return "".join(out)


def spans(points):
    """From when to when a state held."""
    found = []
    for t, value in points:
        if value == 1 and found and t - found[-1][1] <= 1.5 * STEP_S:
            found[-1][1] = t
        elif value == 1:
            found.append([t, t])
    return found


def chart(panel, lines, width, height, start, end):
    unit = panel["fieldConfig"]["defaults"]["unit"]
    # What the others are measured against comes first: legends that find no room are left out.
    lines = sorted(lines, key=lambda line: "custom.lineStyle" not in line[1])
    values = [v for _, _, points in lines for _, v in points]
    marks = scale(min(0.0, min(values)), max(values), unit)
    lowest, highest, labels = marks[0], marks[-1], [shown(mark, unit) for mark in marks]
    left, top, right, bottom = 14 + 6.2 * max(map(len, labels)), 30, width - 10, height - 44
    out = []
    for value, label in zip(marks, labels):
        y = bottom - (value - lowest) / (highest - lowest) * (bottom - top)
        out.append(f'<line x1="{left:.0f}" x2="{right:.0f}" y1="{y:.0f}" y2="{y:.0f}" stroke="#e6e6e6"/>'
                   f'<text x="{left - 4:.0f}" y="{y + 4:.0f}" font-size="10" text-anchor="end">{label}</text>')
    x_legend, y_legend = 8, height - 24
    for i, (legend, own, points) in enumerate(lines):
        colour = {"red": RED, "gray": GRAY}.get(own.get("color", {}).get("fixedColor"), COLOURS[i % len(COLOURS)])
        dash = ' stroke-dasharray="6 4"' if "custom.lineStyle" in own else ""
        path, last = [], None
        for t, value in points:
            px, py = left + (t - start) / (end - start) * (right - left), bottom - (value - lowest) / (highest - lowest) * (bottom - top)
            if last is not None and own.get("custom.lineInterpolation") == "stepAfter":
                path.append(f"{px:.1f},{last:.1f}")
            path.append(f"{px:.1f},{py:.1f}")
            last = py
        out.append(f'<polyline points="{" ".join(path)}" fill="none" stroke="{colour}" stroke-width="1.5"{dash}/>')
        text = html.escape(legend if len(legend) < 40 else legend[:18] + "…" + legend[-18:])
        if x_legend + 20 + 6.2 * len(text) > width and x_legend > 8:
            x_legend, y_legend = 8, y_legend + 14
        if y_legend < height:
            out.append(f'<line x1="{x_legend}" x2="{x_legend + 14}" y1="{y_legend - 4:.0f}" y2="{y_legend - 4:.0f}" stroke="{colour}" stroke-width="2"{dash}/>'
                       f'<text x="{x_legend + 18}" y="{y_legend:.0f}" font-size="10">{text}</text>')
        x_legend += 28 + 6.2 * len(text)
    return "".join(out)


def scale(lowest, highest, unit):
    """Marks of an axis at round numbers, six at most; of one step where nothing changes."""
    if lowest == highest:
        return [lowest, lowest + 1]
    span = highest - lowest
    base = 1024.0 ** math.floor(math.log(span, 1024)) if unit in ("bytes", "Bps") and span >= 1 else 1.0
    power = 10.0 ** math.floor(math.log10(span / base / 5)) * base
    step = next(times * power for times in (1, 2, 5, 10) if times * power * 5 >= span * 0.999)
    # Half a pod is none.
    step = max(step, 1) if unit.startswith("suffix:") and "cores" not in unit else step
    first = math.floor(lowest / step + 1e-9)
    last = max(math.ceil(highest / step - 1e-9), first + 1)
    return [step * i for i in range(first, last + 1)]


def shown(value, unit):
    """A value in its unit, as short as Grafana writes it."""
    if unit == "percentunit":
        return f"{100 * value:.3g} %"
    if unit in ("bytes", "Bps"):
        for prefix in ("", "Ki", "Mi", "Gi"):
            if abs(value) < 1024:
                break
            value /= 1024
        else:
            prefix = "Ti"
        return f"{value:.3g} {prefix}B" + ("/s" if unit == "Bps" else "")
    if unit == "s":
        return f"{value:.3g} s" if abs(value) >= 1 or value == 0 else f"{1000 * value:.3g} ms"
    behind = {"reqps": " req/s", "recps": " rec/s", "reqpm": " req/min", "cpm": " /min"}.get(unit, "")
    if unit.startswith("suffix:"):
        behind = " " + unit.removeprefix("suffix:")
    return (f"{value:.0f}" if value == round(value) else f"{value:.3g}") + behind
