"""Dead letters: the original record, and headers that say what was wrong (contract, section 5).

The `__connect.errors.*` names are Kafka Connect's own, so that existing Kafka UIs show them.
"""

import re
import time
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from app import __version__
from app.lane import Record
from app.lane.partitioner import partition_of
from app.lane.producer import GroupProducer
from app.outcome import Dead, DeadReason
from app.times import format_micros
from app.topics import Target

_COUNT = re.compile(rb"\d{1,9}")

Headers = list[tuple[str, bytes | None]]

# What is kept of a record that no topic takes whole.
TRUNCATED_BYTES: Final = 64 << 10

_ERRORS: Final = "__connect.errors."
_OURS: Final = frozenset(
    {"x-reason", "x-detail", "x-vendor", "x-attempt", "x-first-failed-at", "x-worker-version", "x-truncated"}
)
# Kafka Connect's stage is where the record failed: at decoding it, or at what was made of it.
_CONVERTER_REASONS: Final[frozenset[DeadReason]] = frozenset({"not_json", "too_large"})


class Origin(Struct, frozen=True):
    """Where the record was read, and for which vendor (`canonical` for the canonical topic)."""

    topic: str
    partition: int
    offset: int
    vendor: str


def dead_letter_headers(
    original: Sequence[tuple[str, bytes | None]], origin: Origin, dead: Dead, *, app_id: str, now: int
) -> Headers:
    """All headers of the dead letter. `now` in microseconds since 1970.

    Of a record that was dead before, each header of ours stands once, the attempt counts on and the
    time of the first failure stays.
    """
    earlier = {name: value for name, value in original if name in _OURS and value}
    attempt = _attempts(earlier.get("x-attempt")) + 1
    first_failed = earlier.get("x-first-failed-at") or format_micros(now).encode()
    stage = "VALUE_CONVERTER" if dead.reason in _CONVERTER_REASONS else "TRANSFORMATION"
    ours = {
        f"{_ERRORS}topic": origin.topic,
        f"{_ERRORS}partition": str(origin.partition),
        f"{_ERRORS}offset": str(origin.offset),
        f"{_ERRORS}connector.name": app_id,
        f"{_ERRORS}task.id": "0",
        f"{_ERRORS}stage": stage,
        f"{_ERRORS}class.name": f"rollcall.{origin.vendor}",
        f"{_ERRORS}exception.class.name": f"rollcall.{dead.reason}",
        f"{_ERRORS}exception.message": dead.detail,
        "x-reason": dead.reason,
        "x-detail": dead.detail,
        "x-vendor": origin.vendor,
        "x-attempt": str(attempt),
        "x-worker-version": __version__,
    }
    kept = [(name, value) for name, value in original if name not in _OURS and not name.startswith(_ERRORS)]
    added: Headers = [(name, text.encode()) for name, text in ours.items()]
    return [*kept, *added, ("x-first-failed-at", first_failed)]


def _attempts(text: bytes | None) -> int:
    return int(text) if text and _COUNT.fullmatch(text) else 0


class DeadLetters:
    """Writes dead letters through the producer of the agent that met the record."""

    def __init__(self, producer: GroupProducer, target: Target, app_id: str) -> None:
        self._producer = producer
        self._target = target
        self._app_id = app_id

    def append(self, record: Record, origin: Origin, dead: Dead) -> None:
        """Appends the letter; of a record that the topic does not take whole, its first 64 KiB."""
        headers = dead_letter_headers(
            record.headers, origin, dead, app_id=self._app_id, now=time.time_ns() // 1000
        )
        key, value = record.key, record.value
        if not self._target.takes(key, value, headers):
            value = value[:TRUNCATED_BYTES] if value else value
            headers.append(("x-truncated", b"true"))
        partition = partition_of(key, self._target.partitions) if key else origin.partition
        # -1 is "no timestamp"; at the head of a batch aiokafka would give it the next record's.
        self._producer.append(
            self._target.topic,
            partition % self._target.partitions,
            key,
            value,
            headers=headers,
            timestamp_ms=max(record.timestamp, 0),
        )
