"""A CSV file of a known header: rows of texts and numbers, refused by file and line."""
import csv, math

from loadtest.problem import Problem


def number(text):
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def number_or_none(text):
    return None if text == "" else number(text)


def name(text):
    if not text:
        raise ValueError("empty")
    return text


def read_sheet(path, columns):
    """Rows as tuples; `columns` are the header's names with what makes a value of each text."""
    try:
        with open(path, newline="", encoding="utf-8") as file:
            reader = csv.reader(file)
            header = next(reader, [])
            if header != list(columns):
                raise Problem(f"{path} begins with {','.join(header)!r}, not with {','.join(columns)!r}")
            return [parsed(path, line, row, columns) for line, row in enumerate(reader, 2) if row]
    except OSError as error:
        raise Problem(f"{path} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise Problem(f"{path} is no CSV: {error}") from error


def parsed(path, line, row, columns):
    if len(row) != len(columns):
        raise Problem(f"{path}, line {line}: {len(row)} fields, not {len(columns)}")
    values = []
    for text, (column, kind) in zip(row, columns.items()):
        try:
            values.append(kind(text))
        except ValueError:
            raise Problem(f"{path}, line {line}: {column}: {text!r} is not as it must be") from None
    return tuple(values)
