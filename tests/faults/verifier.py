"""The verdict on a system at rest: what is in its topics against what has to be there.

Knows nothing of the lane, of Faust or of aiokafka. Every demand of contract section 6 is a count that
must be zero; `judge` is a pure function, so that the tests can plant each fault and see it found.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from tests.faults.expected import Expected, Identity, Place, WantedLetter
from tests.kafka import Record

_CONTENT_TYPE = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
_CONNECT = "__connect.errors."

Partition = tuple[str, int]


class Found(Struct):
    """Everything that the workers have left on the broker; records partition by partition, in order."""

    canonical: list[Record]
    letters: list[Record]
    users: list[Record]
    loyalty: list[Record]
    ends: dict[Partition, int]
    committed: dict[Partition, int]
    """Of the vendor topics and the canonical one; a partition without a commit counts as 0."""


class Report(Struct):
    """What was there, and what was wrong with it. Counts only: no payload, no key."""

    records: int = 0
    events: int = 0
    dead: int = 0
    skipped: int = 0
    rows: int = 0
    repeats: int = 0
    """Canonical events and dead letters that stand there once more, equal byte for byte: allowed."""
    repeated: list[int] = []
    """When each repeated event was first written, in milliseconds since 1970."""
    lost: int = 0
    """Canonical events and dead letters that are missing."""
    changed: int = 0
    """Canonical events with the identity of an expected one and other bytes, key or headers."""
    unexplained: int = 0
    """Records that nothing in the input accounts for."""
    disordered: int = 0
    """Events of a key whose first appearance stands behind that of a later one of their partition."""
    misplaced: int = 0
    """Keys that stand in several partitions, or whose rows stand in another one than their events."""
    wrong_rows: int = 0
    """Keys whose last row is missing, left over, or not the fold's; both tables."""
    uncommitted: int = 0
    """Partitions whose committed offset is not the end."""

    def failures(self) -> list[str]:
        """A phrase for each broken demand; none if all is as promised."""
        counts = {name: getattr(self, name) for name in _ZERO}
        return [f"{count} {name.replace('_', ' ')}" for name, count in counts.items() if count]


_ZERO = ("lost", "changed", "unexplained", "disordered", "misplaced", "wrong_rows", "uncommitted")


class _Name(Struct):
    """The view of a canonical event that tells which one it is."""

    id: str
    source: str
    origin: str


def judge(found: Found, expected: Expected) -> Report:
    """Compares; raises nothing for whatever stands in the topics."""
    report = Report(records=expected.records, skipped=expected.skipped)
    report.events, report.dead = len(expected.events), len(expected.letters)
    report.rows = len(expected.users) + len(expected.loyalty)
    _judge_events(report, found.canonical, expected)
    _judge_letters(report, found.letters, expected.letters)
    places = _places(report, found.canonical)
    for records, rows in ((found.users, expected.users), (found.loyalty, expected.loyalty)):
        report.wrong_rows += wrong_rows(records, rows)
        report.misplaced += sum(
            places.get(key, partition) != partition for key, partition in _places(report, records).items()
        )
    report.uncommitted = sum(found.committed.get(each, 0) != end for each, end in found.ends.items())
    return report


def _judge_events(report: Report, records: Iterable[Record], expected: Expected) -> None:
    seen: dict[Identity, int] = {}
    last: dict[tuple[bytes, str], tuple[int, int]] = {}
    for record in records:
        identity = _identity(record.value)
        wanted = expected.events.get(identity) if identity else None
        if identity is None or wanted is None:
            report.unexplained += 1
            continue
        if (record.key, record.value, record.headers) != (wanted.key, wanted.value, _CONTENT_TYPE):
            report.changed += 1
            continue
        if identity in seen:
            report.repeats += 1
            report.repeated.append(seen[identity])
            continue
        seen[identity] = record.timestamp
        stream = (wanted.key, wanted.place)
        if wanted.position < last.get(stream, (-1, 0)):
            report.disordered += 1
        else:
            last[stream] = wanted.position
    report.lost += len(expected.events) - len(seen)


def _identity(value: bytes | None) -> Identity | None:
    try:
        name = msgspec.json.decode(value or b"", type=_Name)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return name.source, name.id, name.origin


def _judge_letters(report: Report, records: Iterable[Record], expected: Mapping[Place, WantedLetter]) -> None:
    seen: set[Place] = set()
    for record in records:
        headers = dict(record.headers)
        place = letter_origin(headers)
        wanted = expected.get(place) if place else None
        if place is None or wanted is None or not _is_letter(record, headers, wanted):
            report.unexplained += 1
        elif place in seen:
            report.repeats += 1
        else:
            seen.add(place)
    report.lost += len(expected) - len(seen)


def letter_origin(headers: Mapping[str, bytes | None]) -> Place | None:
    """Which record the dead letter is of, by its headers; None where they do not say."""
    try:
        topic, partition, offset = (
            (headers[_CONNECT + name] or b"").decode() for name in ("topic", "partition", "offset")
        )
        return topic, int(partition), int(offset)
    except (KeyError, ValueError):
        return None


def _is_letter(record: Record, headers: Mapping[str, bytes | None], wanted: WantedLetter) -> bool:
    original = wanted.original
    named = [headers.get(name) for name in ("x-vendor", "x-reason", "x-detail", "x-original-timestamp")]
    return (
        (record.key, record.value) == (original.key, original.value)
        and record.headers[: len(original.headers)] == original.headers
        and named
        == [
            wanted.vendor.encode(),
            wanted.reason.encode(),
            wanted.detail.encode(),
            b"%d" % max(original.timestamp, -1),
        ]
    )


def _places(report: Report, records: Iterable[Record]) -> dict[bytes, int]:
    places: dict[bytes, int] = {}
    strayed = set()
    for record in records:
        key = record.key or b""
        if places.setdefault(key, record.partition) != record.partition:
            strayed.add(key)
    report.misplaced += len(strayed)
    return places


def wrong_rows(records: Iterable[Record], expected: Mapping[bytes, bytes]) -> int:
    """Of one changelog: how many keys' last row is not the expected one. Holds one row a key."""
    last = {record.key or b"": record.value for record in records}
    found = {key: row for key, row in last.items() if row is not None}
    return sum(
        key not in found or key not in expected or not _equal(found[key], expected[key])
        for key in found.keys() | expected.keys()
    )


def _equal(row: bytes, other: bytes) -> bool:
    """The order of an object's members says nothing; but 1, 1.0 and true are three values."""
    return row == other or _text(row) == _text(other)


def _text(row: bytes) -> Any:
    try:
        return json.dumps(json.loads(row), sort_keys=True)
    except ValueError:
        return row
