"""The verdict on a system at rest: it compares what is in its topics with what must be there.

It knows nothing of the engine, of Faust or of aiokafka. Every promise of docs/guarantees.md is a count that
must be zero. `judge` is a pure function, so the tests can plant each fault and see it found.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from tests.kafka import Headers, Record
from tests.tools.faults.changed_names import check_names
from tests.tools.faults.expected import Expected, Identity, WantedDeadLetter, identity_of
from tests.tools.faults.foreign import RecordPosition, Table, position_of

_CONNECT = "__connect.errors."
_OURS = frozenset(
    {"x-reason", "x-detail", "x-vendor", "x-attempt", "x-first-failed-at"}
    | {"x-original-timestamp", "x-worker-version", "x-truncated"}
)
_TRUNCATED_BYTES = 64 << 10
_OWN_TOPICS = frozenset({"canonical", "changelog"})
_TIMESTAMP = re.compile(rb"-?[0-9]{1,15}")

Partition = tuple[str, int]


class Found(Struct):
    """Everything that the workers have left on the broker. The records of a partition are in order."""

    canonical: list[Record]
    dead_letters: list[Record]
    users: list[Record]
    loyalty: list[Record]
    ends: dict[Partition, int]
    committed: dict[Partition, int]
    """The committed offsets of the vendor topics and the canonical topic. A partition without a commit counts
    as 0."""


class Report(Struct):
    """What was there, and what was wrong with it. It has counts only: no payload, no key."""

    records: int = 0
    events: int = 0
    dead: int = 0
    skipped: int = 0
    rows: int = 0
    repeats: int = 0
    """Canonical events and dead letters that are there again, equal byte for byte. They are allowed."""
    repeated: list[int] = []
    """When each repeated event was written for the first time, in milliseconds since 1970."""
    lost: int = 0
    """Canonical events and dead letters that are missing."""
    changed: int = 0
    """Canonical events with the identity of an expected one, and with other bytes, key or headers."""
    unexplained: int = 0
    """Records that nothing in the input explains."""
    disordered: int = 0
    """Events of a key that were first written after a later event of their partition."""
    misplaced: int = 0
    """Keys that are in several partitions, or whose rows are in another partition than their events."""
    wrong_rows: int = 0
    """Keys of both tables whose last row is missing, should not exist, or differs from that of `fold`."""
    misnamed: int = 0
    """Records of changelogs whose header `changed` is wrong."""
    overtaken: int = 0
    """Records of changelogs whose header `changed` names the difference to a version before the last. They
    are allowed if two workers wrote at once (tests/tools/faults/changed_names.py)."""
    uncommitted: int = 0
    """Partitions whose committed offset is not their end."""

    def failures(self) -> list[str]:
        """Returns a phrase for each broken promise; an empty list if there is none."""
        counts = {name: getattr(self, name) for name in _ZERO}
        return [f"{count} {name.replace('_', ' ')}" for name, count in counts.items() if count]


_ZERO = ("lost", "changed", "unexplained", "disordered", "misplaced", "wrong_rows", "misnamed", "uncommitted")


def judge(found: Found, expected: Expected) -> Report:
    """Returns the verdict. It raises nothing, whatever is in the topics."""
    report = Report(records=expected.records, skipped=expected.skipped)
    report.events, report.dead = len(expected.events), len(expected.dead_letters)
    report.rows = len(expected.users) + len(expected.loyalty)
    canonical = [record for record in found.canonical if position_of(record) not in expected.foreign]
    _judge_events(report, canonical, expected)
    _judge_dead_letters(report, found.dead_letters, expected.dead_letters, expected.whole_bytes)
    report.wrong_rows += _wrong_strays([*found.users, *found.loyalty], expected)
    partitions = _partitions(report, canonical)
    logs: tuple[tuple[Table, list[Record], dict[bytes, bytes]], ...] = (
        ("users", found.users, expected.users),
        ("loyalty", found.loyalty, expected.loyalty),
    )
    for table, log, rows in logs:
        named = check_names(table, log, expected.foreign)
        report.misnamed += named.misnamed
        report.overtaken += named.overtaken
        records = _at_home(log, expected)
        report.wrong_rows += wrong_rows(records, rows)
        report.misplaced += sum(
            partitions.get(key, partition) != partition
            for key, partition in _partitions(report, records).items()
        )
    report.uncommitted = sum(found.committed.get(each, 0) != end for each, end in found.ends.items())
    return report


def _judge_events(report: Report, records: Iterable[Record], expected: Expected) -> None:
    seen: dict[Identity, int] = {}
    last: dict[tuple[bytes, str], tuple[int, int]] = {}
    for record in records:
        identity = identity_of(record.value)
        wanted = expected.events.get(identity) if identity else None
        if identity is None or wanted is None:
            report.unexplained += 1
            continue
        if (record.key, record.value, record.headers) != (wanted.key, wanted.value, wanted.headers):
            report.changed += 1
            continue
        if identity in seen:
            report.repeats += 1
            report.repeated.append(seen[identity])
            continue
        seen[identity] = record.timestamp
        stream = (wanted.key, wanted.partition)
        if wanted.position < last.get(stream, (-1, 0)):
            report.disordered += 1
        else:
            last[stream] = wanted.position
    report.lost += len(expected.events) - len(seen)


def _judge_dead_letters(
    report: Report,
    records: Iterable[Record],
    expected: Mapping[RecordPosition, WantedDeadLetter],
    whole_bytes: int,
) -> None:
    seen: set[RecordPosition] = set()
    for record in records:
        headers = dict(record.headers)
        position = dead_letter_source(headers)
        wanted = expected.get(position) if position else None
        if position is None or wanted is None or not _is_dead_letter(record, headers, wanted, whole_bytes):
            report.unexplained += 1
        elif position in seen:
            report.repeats += 1
        else:
            seen.add(position)
    report.lost += len(expected) - len(seen)


def dead_letter_source(headers: Mapping[str, bytes | None]) -> RecordPosition | None:
    """Returns the record of which this is the dead letter, by its headers; None if they do not say it."""
    try:
        topic, partition, offset = (
            (headers[_CONNECT + name] or b"").decode() for name in ("topic", "partition", "offset")
        )
        return topic, int(partition), int(offset)
    except (KeyError, ValueError):
        return None


def _is_dead_letter(
    record: Record, headers: Mapping[str, bytes | None], wanted: WantedDeadLetter, whole_bytes: int
) -> bool:
    named = [headers.get(name) for name in ("x-vendor", "x-reason", "x-original-timestamp")]
    timestamp = None if wanted.inflated else b"%d" % _timestamp(wanted)
    return (
        named[:2] == [wanted.vendor.encode(), wanted.reason.encode()]
        and (wanted.inflated or headers.get("x-detail") == wanted.detail.encode())
        and timestamp in (None, named[2])
        and _is_whole_or_says_so(record, headers, wanted, whole_bytes)
    )


def _is_whole_or_says_so(
    record: Record, headers: Mapping[str, bytes | None], wanted: WantedDeadLetter, whole_bytes: int
) -> bool:
    original = wanted.original
    given, written = _others(original.headers), _others(record.headers)
    if headers.get("x-truncated") != b"true":
        return (record.key, record.value, written) == (original.key, original.value, given)
    remaining = iter(given)
    return (
        (wanted.inflated or _size(original) > whole_bytes)
        and _is_start(record.key, original.key)
        and _is_start(record.value, original.value)
        and all(header in remaining for header in written)
    )


def _size(record: Record) -> int:
    headers = sum(len(name.encode()) + len(value or b"") for name, value in record.headers)
    return len(record.key or b"") + len(record.value or b"") + headers


def _is_start(part: bytes | None, whole: bytes | None) -> bool:
    return part is None or (len(part) <= _TRUNCATED_BYTES and (whole or b"").startswith(part))


def _others(headers: Headers) -> Headers:
    """Returns the headers that are not a dead letter's own."""
    return [each for each in headers if not _is_ours(each[0].lower())]


def _is_ours(name: str) -> bool:
    return name in _OURS or name.startswith(_CONNECT)


def _timestamp(wanted: WantedDeadLetter) -> int:
    """Returns the record's timestamp (docs/events.md#timestamp) in milliseconds, -1 if it has none."""
    told = {name.lower(): value or b"" for name, value in wanted.original.headers}.get("x-original-timestamp")
    if told and wanted.vendor not in _OWN_TOPICS and _TIMESTAMP.fullmatch(told):
        return max(int(told), -1)
    return max(wanted.original.timestamp, -1)


def _at_home(records: Iterable[Record], expected: Expected) -> list[Record]:
    """Returns the records of a changelog but those without a key and those of foreign keys in partitions that
    are not their own."""
    return [
        record
        for record in records
        if (record.topic, record.key or b"", record.partition) not in expected.strays
        and not (record.key is None and position_of(record) in expected.foreign)
    ]


def _wrong_strays(records: Iterable[Record], expected: Expected) -> int:
    last = {
        stray: record.value
        for record in records
        if (stray := (record.topic, record.key or b"", record.partition)) in expected.strays
    }
    return sum(stray not in last or last[stray] != value for stray, value in expected.strays.items())


def _partitions(report: Report, records: Iterable[Record]) -> dict[bytes, int]:
    partitions: dict[bytes, int] = {}
    strayed = set()
    for record in records:
        key = record.key or b""
        if partitions.setdefault(key, record.partition) != record.partition:
            strayed.add(key)
    report.misplaced += len(strayed)
    return partitions


def wrong_rows(records: Iterable[Record], expected: Mapping[bytes, bytes]) -> int:
    """Returns how many keys of a changelog have a last row that is not the expected one. It keeps one row for
    each key."""
    last = {record.key or b"": record.value for record in records}
    found = {key: row for key, row in last.items() if row is not None}
    return sum(
        key not in found or key not in expected or not _equal(found[key], expected[key])
        for key in found.keys() | expected.keys()
    )


def _equal(row: bytes, other: bytes) -> bool:
    """Returns whether two rows are equal. The order of an object's members does not matter; 1, 1.0 and true
    are three values."""
    return row == other or _text(row) == _text(other)


def _text(row: bytes) -> Any:
    try:
        return json.dumps(json.loads(row), sort_keys=True)
    except ValueError:
        return row
