"""A JSON object whose fields are asked for by name and kind; what is missing or of another kind is refused by file and field."""
import json, math

from loadtest.problem import Problem


def no_number(name):
    raise ValueError(f"{name} is no number")


class Document:
    def __init__(self, path, value, at=""):
        self.path, self.value, self.at = path, value, at

    @classmethod
    def read(cls, path):
        try:
            with open(path, encoding="utf-8") as file:
                value = json.load(file, parse_constant=no_number)
        except OSError as error:
            raise Problem(f"{path} cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise Problem(f"{path} is no JSON: {error}") from error
        if not isinstance(value, dict):
            raise Problem(f"{path} is no JSON object")
        return cls(path, value)

    def refuse(self, name, what):
        raise Problem(f"{self.path}: {self.at}{name}: {what}")

    def has(self, name):
        return self.value.get(name) is not None

    def field(self, name, kind, fits):
        if name not in self.value:
            self.refuse(name, "missing")
        value = self.value[name]
        if not fits(value):
            self.refuse(name, f"{json.dumps(value)[:60]} is not {kind}")
        return value

    def text(self, name):
        return self.field(name, "a text", lambda v: isinstance(v, str) and v.strip())

    def texts(self, name):
        return self.field(name, "a list of texts", lambda v: isinstance(v, list) and all(isinstance(one, str) for one in v))

    def flag(self, name):
        return self.field(name, "true or false", lambda v: isinstance(v, bool))

    def number(self, name, least=0.0):
        return float(self.field(name, f"a number from {least:g}", lambda v: is_number(v) and v >= least))

    def positive(self, name):
        return float(self.field(name, "a number above 0", lambda v: is_number(v) and v > 0))

    def whole(self, name, least=0):
        return self.field(name, f"a whole number from {least}", lambda v: isinstance(v, int) and is_number(v) and v >= least)

    def part(self, name):
        return Document(self.path, self.field(name, "an object", lambda v: isinstance(v, dict)), f"{self.at}{name}.")


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
