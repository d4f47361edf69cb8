"""Dead letters: the original record, and headers that say what was wrong (contract, section 5).

The `__connect.errors.*` names are Kafka Connect's own, so that existing Kafka UIs show them.
"""

import re
import time
from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct

from app import __version__
from app.lane import Record
from app.lane.partitioner import partition_of
from app.lane.producer import GroupProducer
from app.lane.refusals import NoAnswer, Refusal, Written
from app.outcome import Dead, DeadReason
from app.times import format_micros, parse_rfc3339
from app.topics import Target

_COUNT = re.compile(rb"\d{1,9}")
_TIMESTAMP = re.compile(rb"-?[0-9]{1,15}")
_OFFSET = re.compile(rb"[0-9]{1,19}")
_TOPIC = re.compile(rb"[a-zA-Z0-9._-]{1,249}")

Headers = list[tuple[str, bytes | None]]

# What is kept of the value, and of the key, of a record that no topic takes whole.
TRUNCATED_BYTES: Final = 64 << 10
# A detail names places and expectations and is far shorter; this keeps a letter small for certain.
_DETAIL_CHARS: Final = 1_000
NO_TIMESTAMP: Final = -1
_LONGEST_TIME: Final = 64

_ERRORS: Final = "__connect.errors."
_POSITION: Final = tuple(_ERRORS + name for name in ("topic", "partition", "offset"))
_OURS: Final = frozenset(
    {
        "x-reason",
        "x-detail",
        "x-vendor",
        "x-attempt",
        "x-first-failed-at",
        "x-original-timestamp",
        "x-worker-version",
        "x-truncated",
    }
)
# Kafka Connect's stage is where the record failed: at decoding it, or at what was made of it.
_CONVERTER_REASONS: Final[frozenset[DeadReason]] = frozenset({"not_json", "too_large"})
# Records that a worker wrote have the time of writing; what their headers say about time is not looked at.
_OWN_TOPICS: Final = frozenset({"canonical", "changelog"})


class Origin(Struct, frozen=True):
    """Where the record was read, and for which vendor (`canonical` for the canonical topic)."""

    topic: str
    partition: int
    offset: int
    vendor: str


def _originals(headers: Sequence[tuple[str, bytes | None]]) -> Headers:
    """The record's own headers: those with names of ours would be there twice."""
    return [(name, value) for name, value in headers if not _is_ours(name.lower())]


def _is_ours(name: str) -> bool:
    return name in _OURS or name.startswith(_ERRORS)


def our_headers(record: Record, origin: Origin, dead: Dead, *, app_id: str, now: int) -> Headers:
    """The headers that a dead letter has beside the original ones, each once. `now` in microseconds.

    If the record was dead before, the attempt counts on and the time of the first failure stays. If it was
    truncated then, that mark stays too, with the position of the whole original.
    """
    # Names are case-insensitive, of two headers of one name the last counts, an empty one counts as none.
    earlier = {lower: value or b"" for name, value in record.headers if _is_ours(lower := name.lower())}
    attempt = _number(_COUNT, earlier.get("x-attempt"), 0) + 1
    first_failed = _time(earlier.get("x-first-failed-at", b"")) or format_micros(now).encode()
    stage = "VALUE_CONVERTER" if dead.reason in _CONVERTER_REASONS else "TRANSFORMATION"
    detail = dead.detail[:_DETAIL_CHARS]
    ours: dict[str, str] = {
        f"{_ERRORS}topic": origin.topic,
        f"{_ERRORS}partition": str(origin.partition),
        f"{_ERRORS}offset": str(origin.offset),
        f"{_ERRORS}connector.name": app_id,
        f"{_ERRORS}task.id": "0",
        f"{_ERRORS}stage": stage,
        f"{_ERRORS}class.name": f"rollcall.{origin.vendor}",
        f"{_ERRORS}exception.class.name": f"rollcall.{dead.reason}",
        f"{_ERRORS}exception.message": detail,
        "x-reason": dead.reason,
        "x-detail": detail,
        "x-vendor": origin.vendor,
        "x-attempt": str(attempt),
        "x-original-timestamp": str(_recorded(earlier, origin, record.timestamp)),
        "x-worker-version": __version__,
    }
    headers: dict[str, bytes | None] = {name: text.encode() for name, text in ours.items()}
    headers["x-first-failed-at"] = first_failed
    if earlier.get("x-truncated") == b"true":
        headers["x-truncated"] = b"true"
        headers |= _whole_position(earlier)
    return list(headers.items())


def _recorded(earlier: dict[str, bytes], origin: Origin, timestamp: int | None) -> int:
    """The record's timestamp (contract, section 1) in milliseconds since 1970, -1 if it has none."""
    kafkas = NO_TIMESTAMP if timestamp is None else timestamp
    if origin.vendor in _OWN_TOPICS:
        return max(kafkas, NO_TIMESTAMP)
    return max(_number(_TIMESTAMP, earlier.get("x-original-timestamp"), kafkas), NO_TIMESTAMP)


def _whole_position(earlier: dict[str, bytes]) -> dict[str, bytes]:
    """Where the whole original of a truncated letter stands, if its headers say so; else empty: then the
    position of the letter that was sent in is all there is."""
    topic, partition, offset = (earlier.get(name, b"") for name in _POSITION)
    if _TOPIC.fullmatch(topic) and _COUNT.fullmatch(partition) and _OFFSET.fullmatch(offset):
        return dict(zip(_POSITION, (topic, partition, offset), strict=True))
    return {}


def _time(text: bytes) -> bytes | None:
    """The text if it is a time; what a producer sent by this name can be anything, and of any size."""
    return text if len(text) <= _LONGEST_TIME and parse_rfc3339(text.decode("latin-1")) is not None else None


def _number(form: "re.Pattern[bytes]", text: bytes | None, otherwise: int) -> int:
    return int(text) if text and form.fullmatch(text) else otherwise


class DeadLetters:
    """Writes dead letters through the producer of the agent that met the record."""

    def __init__(self, producer: GroupProducer, target: Target, app_id: str) -> None:
        self._producer = producer
        self._target = target
        self._app_id = app_id

    def append(self, record: Record, origin: Origin, dead: Dead) -> None:
        """Appends the letter, stamped with the time of writing: with an old record's time the broker's
        retention would delete it within minutes. Of a record that the topic does not take whole, what it
        takes; if the broker refuses the letter all the same, a smaller one."""
        letter = _Letter(record, origin, dead, self._target, self._app_id)
        key = record.key
        partition = partition_of(key, self._target.partitions) if key else origin.partition
        first = letter.first()
        self._producer.append(
            self._target.topic,
            partition % self._target.partitions,
            first.key,
            first.value,
            headers=first.headers,
            on_refused=letter.refused,
        )


class _Letter:
    """One dead letter, in the forms in which it may be written: the whole record before any part of it."""

    def __init__(self, record: Record, origin: Origin, dead: Dead, target: Target, app_id: str) -> None:
        self._record = record
        self._origin = origin
        self._target = target
        self._originals = _originals(record.headers)
        self._ours = our_headers(record, origin, dead, app_id=app_id, now=time.time_ns() // 1000)
        self._smaller = self._forms()
        self._keyed = False

    def first(self) -> Written:
        """The largest form that should fit its topic."""
        return next(self._smaller)

    def refused(self, written: Written, refusal: Refusal) -> Written:
        """What is written in place of the form that the broker refused. Raises NoAnswer after the last."""
        if refusal is not Refusal.SIZE and written.key is None and not self._keyed:
            # A compacted topic takes no record without a key. It is nobody's but this record's, or
            # compaction would remove other dead letters.
            self._keyed = True
            return written._replace(key=self._place())
        smaller = next(self._smaller, None)
        if smaller is None:
            raise NoAnswer
        return smaller._replace(key=self._place()) if self._keyed and smaller.key is None else smaller

    def _forms(self) -> Iterator[Written]:
        record, target = self._record, self._target
        headers = [*self._originals, *self._ours]
        if target.takes(record.key, record.value, headers):
            yield Written(record.key, record.value, headers)
        yield self._cut()
        yield Written(None, None, self._truncated())

    def _cut(self) -> Written:
        """The beginning of key and value, and the original headers that fit beside them, the small ones
        first. The value comes before the key: it is what was wrong."""
        ours = self._truncated()
        room = max(self._target.room(ours), 0)
        value, key = self._record.value, self._record.key
        if value is not None:
            value = value[: min(TRUNCATED_BYTES, room)]
            room -= len(value)
        if key is not None:
            key = key[: min(TRUNCATED_BYTES, room)]
            room -= len(key)
        kept = set()
        for index, size in sorted(
            ((index, self._target.size_of(header)) for index, header in enumerate(self._originals)),
            key=lambda each: each[1],
        ):
            if size > room:
                break
            room -= size
            kept.add(index)
        originals = [header for index, header in enumerate(self._originals) if index in kept]
        return Written(key, value, [*originals, *ours])

    def _truncated(self) -> Headers:
        return [*(each for each in self._ours if each[0] != "x-truncated"), ("x-truncated", b"true")]

    def _place(self) -> bytes:
        return f"{self._origin.topic}/{self._origin.partition}/{self._origin.offset}".encode()
