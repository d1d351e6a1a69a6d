"""The results volume of a lane, copied: podStatus.json, and each record as a row."""
import csv, io, json, os, re, tarfile
from datetime import datetime, timezone
from typing import NamedTuple

from loadtest.records import Record as Joinable, Records
from stage.cluster import demand

HEADER = ["check", "pod", "arrival", "service", "response", "id"]
STAMP = "%Y.%m.%d_%H:%M:%S.%f"


class Row(NamedTuple):
    """One record. `check` is 0 for one that no check has claimed; times are seconds, the arrival's since the epoch."""
    check: int
    pod: str
    arrival_s: float
    service_s: float
    response_s: float
    request_id: str


def copied(volume):
    """podStatus.json as text, and the rows in order of arrival. No check may be under way."""
    status, found = unpacked(volume)
    counted = sum(check["decision"]["recordsRead"] for check in json.loads(status).values())
    demand(counted == len(found), f"podStatus.json counts {counted} records, {len(found)} are there")
    return status, found


def rows(volume):
    """The rows in order of arrival, whether a check has claimed them or not."""
    return unpacked(volume)[1]


def unpacked(volume):
    status, found = "{}", []
    with tarfile.open(fileobj=io.BytesIO(volume.archive())) as archive:
        for member in archive:
            path = member.name.removeprefix("./")
            name = os.path.basename(path)
            if not member.isfile() or name.startswith("."):
                continue
            if path == "podStatus.json":
                status = archive.extractfile(member).read().decode()
            elif name.endswith((".json", ".jsonl")) and "_" in name:
                found += read(path, name, archive.extractfile(member).read().decode())
    return status, sorted(found, key=lambda row: row.arrival_s)


def read(path, name, text):
    """A file of one record, or of a line each."""
    found = re.search(r"check_(\d+)/", path)
    check, (pod, _, stamp) = int(found[1]) if found else 0, name.partition("_")
    lines = [line for line in text.splitlines() if line.strip()] if name.endswith(".jsonl") else [text]
    for line in lines:
        record = json.loads(line)
        arrival = record.get("Timestamp") or os.path.splitext(stamp)[0]
        arrival_s = datetime.strptime(arrival, STAMP).replace(tzinfo=timezone.utc).timestamp()
        yield Row(check, pod, arrival_s, record["Service Time"], record["Response Time"], record.get("Request ID", ""))


def write(path, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(HEADER)
        out.writerows([row.check, row.pod, f"{row.arrival_s:.6f}", row.service_s, row.response_s, row.request_id] for row in rows)


def joinable(rows):
    """As jmeter's join wants them."""
    by_id = {}
    for row in rows:
        if row.request_id:
            by_id.setdefault(row.request_id, []).append(Joinable(row.pod, row.service_s, row.response_s))
    return Records(by_id, [])
