"""A dashboard in few words, and its JSON.

A panel is a title, a description, a unit and queries with their legends; rows of panels fill the 24 columns from left to
right. Data source and filters are variables of each dashboard, so that the files work wherever Prometheus is.
"""
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
# Grafana's major version 11 and newer read it; newer ones migrate it.
SCHEMA_VERSION = 39
WIDTH = 24


class Line:
    """A query; `style` is one of STYLES."""

    def __init__(self, expr, legend, style=None):
        self.expr, self.legend, self.style = expr, legend, style


# How a line differs from the others of its panel, matched by the legend.
STYLES = {
    # The configured value that the others are measured against.
    "threshold": [("color", {"mode": "fixed", "fixedColor": "red"}), ("custom.lineStyle", {"fill": "dash", "dash": [10, 6]}),
                  ("custom.lineWidth", 2), ("custom.fillOpacity", 0)],
    "bound": [("color", {"mode": "fixed", "fixedColor": "gray"}), ("custom.lineStyle", {"fill": "dash", "dash": [3, 5]}),
              ("custom.fillOpacity", 0)],
    # A value that holds from one check to the next.
    "check": [("custom.lineInterpolation", "stepAfter"), ("custom.lineWidth", 2)],
}


class Panel:
    kind = "timeseries"

    def __init__(self, title, description, unit, lines, width=8, height=8, **field):
        self.title, self.description, self.unit, self.lines = title, description, unit, lines
        self.width, self.height, self.field = width, height, field

    def json(self, number, x, y):
        return {
            "id": number, "type": self.kind, "title": self.title, "description": self.description, "datasource": SOURCE,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.height},
            "targets": [self.target(line, "ABCDEFGH"[i]) for i, line in enumerate(self.lines)],
            "fieldConfig": {"defaults": self.defaults(), "overrides": self.overrides()},
            "options": self.options(),
        }

    def target(self, line, ref):
        return {"refId": ref, "datasource": SOURCE, "expr": line.expr, "legendFormat": line.legend, "range": True,
                "instant": False, "editorMode": "code"}

    def defaults(self):
        custom = {"drawStyle": "line", "lineInterpolation": "linear", "lineWidth": 1, "fillOpacity": 8, "showPoints": "never",
                  "spanNulls": False, "axisSoftMin": 0}
        return {"unit": self.unit, "min": 0, "custom": custom, "color": {"mode": "palette-classic"}, **self.field}

    def overrides(self):
        return [{"matcher": {"id": "byName", "options": line.legend},
                 "properties": [{"id": key, "value": value} for key, value in STYLES[line.style]]}
                for line in self.lines if line.style]

    def options(self):
        return {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
                "tooltip": {"mode": "multi", "sort": "none"}}


class Stat(Panel):
    """The newest value, large; `steps` colours it: (from, colour) pairs."""
    kind = "stat"

    def __init__(self, title, description, unit, lines, width=4, height=4, steps=((None, "text"), ), text="auto", **field):
        thresholds = {"mode": "absolute", "steps": [{"value": value, "color": colour} for value, colour in steps]}
        super().__init__(title, description, unit, lines, width, height, thresholds=thresholds, **field)
        self.text = text

    def target(self, line, ref):
        return {**super().target(line, ref), "range": False, "instant": True}

    def defaults(self):
        return {"unit": self.unit, "color": {"mode": "thresholds"}, **self.field}

    def options(self):
        return {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}, "colorMode": "value",
                "graphMode": "none", "justifyMode": "auto", "orientation": "auto", "textMode": self.text, "wideLayout": True,
                "showPercentChange": False, "percentChangeColorMode": "standard"}


class Timeline(Panel):
    """Which of some states held when: a row for each, coloured where it is 1."""
    kind = "state-timeline"

    def defaults(self):
        off, on = {"0": {"text": "no", "color": "transparent", "index": 0}}, {"1": {"text": "yes", "color": "orange", "index": 1}}
        return {"unit": self.unit, "custom": {"fillOpacity": 80, "lineWidth": 0}, "color": {"mode": "thresholds"},
                "mappings": [{"type": "value", "options": {**off, **on}}], **self.field}

    def options(self):
        return {"mergeValues": True, "showValue": "never", "rowHeight": 0.8, "alignValue": "left",
                "legend": {"displayMode": "list", "placement": "bottom", "showLegend": False, "calcs": []},
                "tooltip": {"mode": "single", "sort": "none"}}


class Dashboard:
    def __init__(self, name, uid, title, description, variables, rows):
        self.name, self.uid, self.title, self.description = name, uid, title, description
        self.variables, self.rows = variables, rows

    def json(self):
        return {
            "uid": self.uid, "title": self.title, "description": self.description, "tags": ["autoscaler"],
            "schemaVersion": SCHEMA_VERSION, "version": 1, "editable": False, "graphTooltip": 1, "timezone": "browser",
            "time": {"from": "now-1h", "to": "now"}, "refresh": "30s", "annotations": {"list": []},
            "links": [{"type": "dashboards", "tags": ["autoscaler"], "title": "", "asDropdown": False, "keepTime": True,
                       "includeVars": True, "targetBlank": False, "icon": "external link", "tooltip": "", "url": ""}],
            "templating": {"list": [datasource(), *map(variable, self.variables)]},
            "panels": list(self.panels()),
        }

    def panels(self):
        y, number = 0, 0
        for title, panels in self.rows:
            number += 1
            yield {"id": number, "type": "row", "title": title, "collapsed": False, "panels": [],
                   "gridPos": {"x": 0, "y": y, "w": WIDTH, "h": 1}}
            x, y, highest = 0, y + 1, 0
            for panel in panels:
                if x + panel.width > WIDTH:
                    x, y, highest = 0, y + highest, 0
                number += 1
                yield panel.json(number, x, y)
                x, highest = x + panel.width, max(highest, panel.height)
            y += highest


def datasource():
    return {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus", "hide": 0, "refresh": 1,
            "current": {"text": "default", "value": "default"}, "options": [], "includeAll": False, "multi": False, "regex": ""}


def variable(described):
    """(name, label, query): the values that a label has."""
    name, label, query, several = described
    chosen = {"includeAll": True, "multi": True, "allValue": ".*", "current": {"text": ["All"], "value": ["$__all"]}} if several else {
        "includeAll": False, "multi": False, "current": {"text": "", "value": ""}}
    return {"name": name, "label": label, "type": "query", "datasource": SOURCE, "hide": 0, "refresh": 2, "sort": 1, "regex": "",
            "query": {"query": query, "refId": name}, "definition": query, "options": [], **chosen}


NAMESPACE = ("namespace", "Namespace", "label_values(scaler_checks_total, namespace)", False)
DEPLOYMENT = ("deployment", "Deployment", 'label_values(scaler_checks_total{namespace="$namespace"}, deployment)', False)
NODE = ("node", "Node", "label_values(node_memory_MemTotal_bytes, node)", True)
