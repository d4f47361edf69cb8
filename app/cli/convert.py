"""`rollcall convert`: bodies on standard input, outcomes on standard output. It needs neither Kafka nor
Faust."""

import os
import time
from collections.abc import Iterator
from typing import BinaryIO, Final

import msgspec
from msgspec import Struct

from app.line_splitter import LineSplitter
from app.new_event import NewEvent
from app.outcome import Dead, DeadReason, Emit, Outcome, Skip, SkipReason
from app.settings import Settings
from app.vendors import VENDORS, convert

_CHUNK: Final = 1 << 16


class Line(Struct):
    """A line of standard input, as the record that it would be on a vendor's topic."""

    offset: int
    timestamp: int
    headers: list[tuple[str, bytes | None]]
    value: bytes | None = None


def run_convert(
    vendor_name: str, record: Line, partition: str, settings: Settings, source: int, target: BinaryIO
) -> int:
    """Writes the outcome of each line as soon as the whole line has come in. Returns the exit code, 0.

    `record`: the headers and the timestamp of all records, and the offset of the first. `source`: the file
    descriptor of the input.
    """
    vendor, options = VENDORS[vendor_name], settings.options_of(vendor_name)
    for lines in _lines(source, options.max_record_bytes):
        answers = bytearray()
        for line in lines:
            record.value = line
            append_outcome(convert(vendor, record, partition, options), answers)
            answers += b"\n"
            record.offset += 1
        target.write(answers)
        target.flush()
    return 0


def now_ms() -> int:
    """Returns the current time in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class _Emitted(Struct, tag_field="outcome", tag="emit", gc=False):
    events: list[NewEvent]


class _Skipped(Struct, tag_field="outcome", tag="skip", gc=False):
    reason: SkipReason


class _Died(Struct, tag_field="outcome", tag="dead", gc=False):
    reason: DeadReason
    detail: str


_encode_into = msgspec.json.Encoder().encode_into
_AT_THE_END: Final = -1


def append_outcome(outcome: Outcome, answers: bytearray) -> None:
    """Appends the outcome as JSON (docs/events.md#convert), without an end of line."""
    match outcome:
        case Emit():
            _encode_into(_Emitted(outcome.events), answers, _AT_THE_END)
        case Skip():
            _encode_into(_Skipped(outcome.reason), answers, _AT_THE_END)
        case Dead():
            _encode_into(_Died(outcome.reason, outcome.detail), answers, _AT_THE_END)


def _lines(source: int, limit: int) -> Iterator[list[bytes]]:
    """Yields batches of whole lines, as `LineSplitter` bounds them: that is enough for the outcome
    `too_large`."""
    splitter = LineSplitter(limit)
    while chunk := os.read(source, _CHUNK):
        if lines := splitter.add(chunk):
            yield lines
    if splitter.rest:
        yield [splitter.rest]
