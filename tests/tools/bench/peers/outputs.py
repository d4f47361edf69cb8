"""What a run wrote, and what it has to be: computed from the source topic by the pure functions, with no
system under test."""

from collections import Counter
from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import NamedTuple

from app.canonical import encode_event
from tests.kafka import Record, consume_all
from tests.tools.bench.peers.job import Job
from tests.tools.bench.peers.same_functions import RowsInMemory, mapper_of

Rows = dict[tuple[int, bytes | None], bytes | None]
"""The last row of each key, by the number of its table: 0 users, 1 loyalty."""
ReadRows = Callable[[Job], Rows]

_DIGEST_BYTES = 16


class Outputs(NamedTuple):
    """`events`: how often each canonical record was written, by the digest of its key and value."""

    events: Counter[bytes]
    rows: Rows


def expected_outputs(job: Job) -> Outputs:
    """Returns what every run of the job's shape has to write."""
    events_of, rows = mapper_of(job.source), RowsInMemory()
    events = Counter[bytes]()
    keys = set[bytes]()
    for record in consume_all(job.broker, job.source):
        for event in events_of(record.partition, record.offset, record.timestamp, record.value or b""):
            key, value = event.partitionkey.encode(), encode_event(event)
            events[digest(key, value)] += 1
            if job.full:
                keys.add(key)
                rows.apply(key, value)
    encoded = {(table, key): rows.encoded(table, key) for key in keys for table in (0, 1)}
    return Outputs(events, {key: row for key, row in encoded.items() if row is not None})


def written_outputs(job: Job, read_rows: ReadRows) -> Outputs:
    """Returns what a run has written."""
    records = consume_all(job.broker, job.events, isolation="read_committed")
    events = Counter(digest(record.key or b"", record.value or b"") for record in records)
    return Outputs(events, read_rows(job) if job.full else {})


def changelog_rows(job: Job) -> Rows:
    """Returns the rows in changelogs that have the row's key as it is."""
    return last_rows(
        (table, record)
        for table, topic in enumerate(job.changelogs)
        for record in consume_all(job.broker, topic, isolation="read_committed")
    )


def last_rows(records: Iterable[tuple[int, Record]]) -> Rows:
    """Returns the last row of each key. `records`: those of a partition in the order of their offsets."""
    rows: Rows = {(table, record.key): record.value for table, record in records}
    return {key: row for key, row in rows.items() if row is not None}


def digest(key: bytes, value: bytes) -> bytes:
    """Returns a digest of a record: the records themselves would need a gigabyte."""
    return blake2b(b"%d:%s%s" % (len(key), key, value), digest_size=_DIGEST_BYTES).digest()


def difference(expected: Outputs, written: Outputs) -> str:
    """Returns how the two differ, in numbers only; empty if they are equal."""
    missing = (expected.events - written.events).total()
    extra = (written.events - expected.events).total()
    keys = expected.rows.keys() | written.rows.keys()
    rows = sum(expected.rows.get(key) != written.rows.get(key) for key in keys)
    told = []
    if missing or extra:
        told.append(f"{missing:,} canonical events are missing, {extra:,} are others or repeats")
    if rows:
        told.append(f"{rows:,} of {len(keys):,} rows differ")
    return "; ".join(told)
