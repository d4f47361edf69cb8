"""Dead letters: the original record, and headers that say what was wrong (docs/dead-letters.md).

The headers `__connect.errors.*` have the names that Kafka Connect uses, so existing Kafka UIs show them.
"""

import re
import time
from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct

from app import __version__
from app.engine import GroupCommitProducer, NoAnswer, Record, Refusal, UnreadRecord, Written, partition_of
from app.outcome import Dead, DeadReason
from app.times import format_micros, parse_rfc3339
from app.topics import OutputTopic

_COUNT = re.compile(rb"\d{1,9}")
_TIMESTAMP = re.compile(rb"-?[0-9]{1,15}")
_OFFSET = re.compile(rb"[0-9]{1,19}")
_TOPIC = re.compile(rb"[a-zA-Z0-9._-]{1,249}")

Headers = list[tuple[str, bytes | None]]

# If a record does not fit into the dead-letter topic, at most this much of its value is kept, and of its key.
TRUNCATED_BYTES: Final = 64 << 10
# A detail has a path and an expectation and is far shorter. The bound makes sure that our headers stay small.
DETAIL_CHARS: Final = 1_000
NO_TIMESTAMP: Final = -1
_LONGEST_TIME: Final = 64

CONNECT_ERRORS: Final = "__connect.errors."
_POSITION: Final = tuple(CONNECT_ERRORS + name for name in ("topic", "partition", "offset"))
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
# Kafka Connect has two stages in which a record can fail: its decoding, and what is made of it afterwards.
_CONVERTER_REASONS: Final[frozenset[DeadReason]] = frozenset({"not_json", "too_large"})
# A worker wrote the records of these topics, so their Kafka timestamp is right, and `x-original-timestamp`
# among their headers is not used (docs/events.md#timestamp).
_OWN_TOPICS: Final = frozenset({"canonical", "changelog"})


class SourceRecord(Struct, frozen=True):
    """Where the record was read, and for which vendor: `canonical` for the canonical topic, `changelog` for a
    changelog."""

    topic: str
    partition: int
    offset: int
    vendor: str


def original_headers(headers: Sequence[tuple[str, bytes | None]]) -> Headers:
    """Returns the record's headers without those that have a name of ours: these would be there twice."""
    return [(name, value) for name, value in headers if not _is_ours(name.lower())]


def _is_ours(name: str) -> bool:
    return name in _OURS or name.startswith(CONNECT_ERRORS)


def our_headers(record: Record, source: SourceRecord, dead: Dead, *, app_id: str, now: int) -> Headers:
    """Returns the headers that a dead letter gets in addition to the original ones, each once. `now`: in
    microseconds since 1970.

    If the record was a dead letter before, the attempt is counted on and the time of the first failure stays.
    If that dead letter was truncated, `x-truncated` stays too, with the position of the whole original.
    """
    # Names are case-insensitive. If a name repeats, the last value wins; an empty value counts as absent.
    earlier = {lower: value or b"" for name, value in record.headers if _is_ours(lower := name.lower())}
    attempt = _number(_COUNT, earlier.get("x-attempt"), 0) + 1
    first_failed = _time(earlier.get("x-first-failed-at", b"")) or format_micros(now).encode()
    stage = "VALUE_CONVERTER" if dead.reason in _CONVERTER_REASONS else "TRANSFORMATION"
    detail = dead.detail[:DETAIL_CHARS]
    ours: dict[str, str] = {
        f"{CONNECT_ERRORS}topic": source.topic,
        f"{CONNECT_ERRORS}partition": str(source.partition),
        f"{CONNECT_ERRORS}offset": str(source.offset),
        f"{CONNECT_ERRORS}connector.name": app_id,
        f"{CONNECT_ERRORS}task.id": "0",
        f"{CONNECT_ERRORS}stage": stage,
        f"{CONNECT_ERRORS}class.name": f"rollcall.{source.vendor}",
        f"{CONNECT_ERRORS}exception.class.name": f"rollcall.{dead.reason}",
        f"{CONNECT_ERRORS}exception.message": detail,
        "x-reason": dead.reason,
        "x-detail": detail,
        "x-vendor": source.vendor,
        "x-attempt": str(attempt),
        "x-original-timestamp": str(_recorded(earlier, source, record.timestamp)),
        "x-worker-version": __version__,
    }
    headers: dict[str, bytes | None] = {name: text.encode() for name, text in ours.items()}
    headers["x-first-failed-at"] = first_failed
    if earlier.get("x-truncated") == b"true":
        headers["x-truncated"] = b"true"
        headers |= _whole_position(earlier)
    return list(headers.items())


def _recorded(earlier: dict[str, bytes], source: SourceRecord, timestamp: int | None) -> int:
    """Returns the record's timestamp (docs/events.md#timestamp) in milliseconds since 1970, -1 if it has
    none."""
    kafkas = NO_TIMESTAMP if timestamp is None else timestamp
    if source.vendor in _OWN_TOPICS:
        return max(kafkas, NO_TIMESTAMP)
    return max(_number(_TIMESTAMP, earlier.get("x-original-timestamp"), kafkas), NO_TIMESTAMP)


def _whole_position(earlier: dict[str, bytes]) -> dict[str, bytes]:
    """Returns the headers with the position of the whole original of a truncated dead letter. Returns none if
    they are missing or malformed: then only the position of the dead letter that was sent in again is
    known."""
    topic, partition, offset = (earlier.get(name, b"") for name in _POSITION)
    if _TOPIC.fullmatch(topic) and _COUNT.fullmatch(partition) and _OFFSET.fullmatch(offset):
        return dict(zip(_POSITION, (topic, partition, offset), strict=True))
    return {}


def _time(text: bytes) -> bytes | None:
    """Returns the text if it is a time, else None. A producer can send anything under this name, of any
    size."""
    return text if len(text) <= _LONGEST_TIME and parse_rfc3339(text.decode("latin-1")) is not None else None


def _number(form: "re.Pattern[bytes]", text: bytes | None, otherwise: int) -> int:
    return int(text) if text and form.fullmatch(text) else otherwise


class DeadLetterWriter:
    """Writes dead letters with the producer of the agent that read the record."""

    def __init__(self, producer: GroupCommitProducer, topic: OutputTopic, app_id: str) -> None:
        self._producer = producer
        self._topic = topic
        self._app_id = app_id

    def append(self, record: Record, source: SourceRecord, dead: Dead) -> None:
        """Appends the dead letter of a record."""
        self.write(self.dead_letter(record, source, dead))

    def dead_letter(self, record: Record, source: SourceRecord, dead: Dead) -> "PreparedDeadLetter":
        """Returns the dead letter of a record, for `write`. It can take half a second if the record has a
        million headers, and may be called in a thread."""
        return PreparedDeadLetter(record, source, dead, self._topic, self._app_id)

    def write(self, dead_letter: "PreparedDeadLetter") -> None:
        """Appends a dead letter. If the whole record does not fit into the topic, it is truncated to what
        fits; if the broker refuses that too, a smaller one takes its place.

        The producer stamps it with the time of writing. With the timestamp of an old record, the broker's
        retention would delete it within minutes.
        """
        key, value, headers = dead_letter.first
        self._producer.append(
            self._topic.topic,
            dead_letter.partition,
            key,
            value,
            headers=headers,
            on_refused=dead_letter.refused,
        )


class PreparedDeadLetter:
    """One dead letter, in the forms in which it may be written: first the whole record, then ever less of
    it."""

    def __init__(
        self, record: Record, source: SourceRecord, dead: Dead, topic: OutputTopic, app_id: str
    ) -> None:
        self._record = record
        self._source = source
        self._topic = topic
        self._originals = original_headers(record.headers)
        self._ours = our_headers(record, source, dead, app_id=app_id, now=time.time_ns() // 1000)
        self._smaller = self._forms()
        self._keyed = False
        self.first = next(self._smaller)
        """The largest form that should fit into the topic."""
        partition = partition_of(record.key, topic.partitions) if record.key else source.partition
        self.partition = partition % topic.partitions

    def refused(self, written: Written, refusal: Refusal) -> Written:
        """Returns the form to write in place of the one that the broker refused. Raises NoAnswer after the
        last form."""
        if refusal is not Refusal.SIZE and written.key is None and not self._keyed:
            # A compacted topic refuses records without a key. The key has to be unique, or compaction would
            # remove other dead letters.
            self._keyed = True
            return written._replace(key=self._position())
        smaller = next(self._smaller, None)
        if smaller is None:
            raise NoAnswer
        return smaller._replace(key=self._position()) if self._keyed and smaller.key is None else smaller

    def _forms(self) -> Iterator[Written]:
        record, topic = self._record, self._topic
        if not isinstance(record, UnreadRecord):
            headers = [*self._originals, *self._ours]
            if topic.fits(record.key, record.value, headers):
                yield Written(record.key, record.value, headers)
            yield self._cut()
        yield Written(None, None, self._truncated())

    def _cut(self) -> Written:
        """Returns the beginning of value and key, and the original headers that still fit, the small ones
        first. The value gets its bytes before the key does, because it is usually what was wrong."""
        ours = self._truncated()
        room = max(self._topic.max_payload(ours), 0)
        value, key = self._record.value, self._record.key
        if value is not None:
            value = value[: min(TRUNCATED_BYTES, room)]
            room -= len(value)
        if key is not None:
            key = key[: min(TRUNCATED_BYTES, room)]
            room -= len(key)
        kept = set()
        for index, size in sorted(
            ((index, self._topic.size_of(header)) for index, header in enumerate(self._originals)),
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

    def _position(self) -> bytes:
        return f"{self._source.topic}/{self._source.partition}/{self._source.offset}".encode()
