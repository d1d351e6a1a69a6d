"""What the service saw: the records in a results folder, joined to the client's samples by request id."""
import json, os
from typing import NamedTuple

from .problem import Problem


class Record(NamedTuple):
    """One record file. Times in seconds."""
    path: str
    service_s: float
    response_s: float


class Records(NamedTuple):
    """Records by request id, and the files that are none."""
    by_id: dict
    unreadable: list


SEGMENT = ".jsonl"


class Join(NamedTuple):
    """(sample, record) of each request that both sides know; ids that only one side knows, or that are recorded twice, or
    whose answer and record differ."""
    pairs: list
    without_record: list
    without_sample: list
    recorded_twice: list
    disagree: list


def read_records(folder):
    """All records below a results folder that carry a request id, wherever the scaler has put them by now.

    The scaler moves whole folders while this reads: it is read until two readings in a row find nothing new.
    """
    if not os.path.isdir(folder):
        raise Problem(f"--records {folder}: there is no such folder")
    found, unreadable, gone = {}, {}, True
    while gone:
        gone = False
        for path in record_files(folder):
            name = os.path.basename(path)
            try:
                with open(path, encoding="utf-8") as file:
                    texts = dict(enumerate(file, 1)) if name.endswith(SEGMENT) else {"": file.read()}
            except FileNotFoundError:
                gone = True
                continue
            for line, text in texts.items():
                key = f"{name}:{line}"
                # Of a segment, also the empty line that ends it, and a last line that is being written.
                if key in found or key in unreadable or (line and (not text.strip() or not text.endswith("\n"))):
                    continue
                try:
                    record = json.loads(text)
                    found[key] = (record.get("Request ID"), Record(path, float(record["Service Time"]), float(record["Response Time"])))
                except (ValueError, KeyError, TypeError, AttributeError) as error:
                    unreadable[key] = f"{path}{':' if line else ''}{line}: {type(error).__name__} {error}"
    by_id = {}
    for rid, record in found.values():
        if rid is not None:
            by_id.setdefault(rid, []).append(record)
    return Records(by_id, list(unreadable.values()))


def record_files(folder):
    """Names are <Pod>_<Timestamp>.json, or .jsonl with a record per line; a leading dot is a record that is being written."""
    for place, folders, files in os.walk(folder):
        for name in files:
            if name.endswith((".json", SEGMENT)) and "_" in name and not name.startswith("."):
                yield os.path.join(place, name)


def join(samples, records, run=None, warmup=0):
    """Joins the good samples to the records. `run`, the ids' prefix, and `warmup`, the first ids' number, tell a record that
    this run should have a sample of from those of other runs and of the warm-up."""
    pairs, without_record, twice, disagree = [], [], [], []
    known = {one.rid for one in samples} | {f"{run}-{number}" for number in range(1, warmup + 1)}
    for one in samples:
        found = records.by_id.get(one.rid, [])
        if one.ok and not found:
            without_record.append(one.rid)
        if len(found) > 1:
            twice.append(one.rid)
        if one.ok and found:
            pairs.append((one, found[0]))
            # The answer and the record are the same two numbers, up to the digits that they are written with.
            if abs(one.response_s - found[0].response_s) > 1e-5:
                disagree.append(one.rid)
    without_sample = [rid for rid in records.by_id if run and rid.startswith(run + "-") and rid not in known]
    return Join(pairs, without_record, without_sample, twice, disagree)
