"""Alerts, changed: into an expression that has data while nothing is wrong, and into alerts that are wrong."""
import re


def underlying(expr):
    """The expression whose value says whether the series behind an alert are there.

    Comparisons outside of parentheses get `bool`, so that they say 0 instead of nothing; absent(X) or absent(Y) becomes X, where
    there is Y too.
    """
    absent = re.findall(r"absent\(([^()]*)\)", expr)
    if absent:
        assert re.fullmatch(r"(\s|or)*", re.sub(r"absent\([^()]*\)", "", expr)), f"more than what is absent: {expr}"
        return " and on () ".join(absent), "present"
    out, depth, position = [], 0, 0
    for match in re.finditer(r'"[^"]*"|[({\[]|[)}\]]|(?:[<>]=?|[!=]=)', expr):
        token = match[0]
        out.append(expr[position:match.end()])
        position = match.end()
        if token in "({[":
            depth += 1
        elif token in ")}]":
            depth -= 1
        elif depth == 0 and token[0] != '"':
            out.append(" bool")
    return "".join(out) + expr[position:], "quiet"


def altered(text, name):
    """A file of rules with one alert made wrong: what was done, and the file."""
    start = text.index(f"- alert: {name}\n")
    end = text.find("      - alert:", start)
    head, body, rest = text[:start], text[start:end if end > 0 else len(text)], text[end:] if end > 0 else ""
    longer = re.sub(r"for: (\d+)m", lambda m: f"for: {int(m[1]) + 1}m", body, count=1)
    if longer != body:
        yield "a longer for", head + longer + rest
    expr = re.search(r"expr: (\|\n(?:          .*\n)+|.*\n)", body)[0]
    for match in re.finditer(r"absent\(", expr):
        present = f"{expr[:match.start()]}count({expr[match.end():]}"
        yield f"present for absent at {match.start()}", head + body.replace(expr, present) + rest
    for match in re.finditer(" (>=|<=|==|>|<) ", expr):
        other = {">": "<", "<": ">", "==": "!=", ">=": "<", "<=": ">"}[match[1]]
        flipped = f"{expr[:match.start()]} {other} {expr[match.end():]}"
        yield f"{other} for {match[1]} at {match.start()}", head + body.replace(expr, flipped) + rest
