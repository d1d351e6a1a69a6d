"""Bodies of requests: pairs of square matrices, one pair a line."""
import json, os, random

SIZES = [50, 70, 100, 200, 350]
ROWS = 50


def parse_sizes(text):
    values = [int(part) for part in text.split(",")]
    if not all(1 <= value <= 2000 for value in values):
        raise ValueError(text)
    return values


def matrix(size, rng):
    # From random(), whose sequence Python promises to keep.
    return json.dumps([[int(rng.random() * 1000) for _ in range(size)] for _ in range(size)], separators=(",", ":"))


def write_matrices(path, sizes=SIZES, rows=ROWS, seed=1):
    """Writes the file, or leaves none: a torn one would be played as it is."""
    rng = random.Random(seed)
    order = [sizes[row % len(sizes)] for row in range(rows)]
    for last in range(len(order) - 1, 0, -1):
        other = int(rng.random() * (last + 1))
        order[last], order[other] = order[other], order[last]
    with open(path + ".part", "w", encoding="ascii") as file:
        file.write("size;matrix_a;matrix_b\n")
        for size in order:
            file.write(f"{size};{matrix(size, rng)};{matrix(size, rng)}\n")
    os.replace(path + ".part", path)
