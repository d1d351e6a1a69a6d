"""An alert's expression, turned into one that has data while nothing is wrong."""
import re


def underlying(expr):
    """The expression whose value says whether the series behind an alert are there.

    Comparisons outside of parentheses get `bool`, so that they say 0 instead of nothing; absent(X) becomes X.
    """
    absent = re.fullmatch(r"absent\((.*)\)", expr.strip(), re.DOTALL)
    if absent:
        return absent[1], "present"
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
