"""What a run wrote, and what it has to be: computed from the source topic by the pure functions, with no
system under test."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from typing import NamedTuple

from app.canonical import encode_event
from tests.kafka import Record, consume
from tests.tools.bench.peers.job import Job
from tests.tools.bench.peers.same_functions import RowsInMemory, mapper_of

Rows = dict[tuple[int, bytes | None], bytes | None]
"""The last row of each key, by the number of its table: 0 users, 1 loyalty."""

_DIGEST_BYTES = 16


class Outputs(NamedTuple):
    """`events`: how often each canonical record was written, by the digest of its key and value."""

    events: Counter[bytes]
    rows: Rows


def expected_outputs(job: Job) -> Outputs:
    """Returns what every run of the job's shape has to write."""
    rows, events, keys = RowsInMemory(), Counter[bytes](), set[bytes]()
    for source in job.sources:
        events_of = mapper_of(source)
        for record in consume(job.broker, source):
            for event in events_of(record.partition, record.offset, record.timestamp, record.value or b""):
                key, value = event.partitionkey.encode(), encode_event(event)
                events[digest(key, value)] += 1
                if job.full:
                    keys.add(key)
                    rows.apply(key, value)
    encoded = {(table, key): rows.encoded(table, key) for key in keys for table in (0, 1)}
    return Outputs(events, {key: row for key, row in encoded.items() if row is not None})


def written_events(
    broker: str, topic: str, compared: Callable[[bytes], bytes] = lambda value: value
) -> Counter[bytes]:
    """Returns how often each canonical record is in the topic, by its digest. `compared` returns what of a
    value counts; by default all of it."""
    return Counter(
        digest(record.key or b"", compared(record.value or b""))
        for record in consume(broker, topic, isolation="read_committed")
    )


def written_rows(broker: str, changelogs: Sequence[str]) -> Rows:
    """Returns the last rows in changelogs whose records have the keys of the rows."""
    return last_rows(
        (table, record)
        for table, topic in enumerate(changelogs)
        for record in consume(broker, topic, isolation="read_committed")
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
