"""`rollcall convert`: bodies on standard input, outcomes on standard output. No Kafka, no Faust."""

import os
import time
from collections.abc import Iterator
from typing import BinaryIO, Final

import msgspec
from msgspec import Struct

from app.outcome import Dead, Emit, Outcome, Skip
from app.settings import Settings
from app.vendors import VENDORS, convert

_CHUNK: Final = 1 << 18


class Line(Struct):
    """One line of standard input as the record that a vendor's topic would hold."""

    offset: int
    timestamp: int
    headers: list[tuple[str, bytes | None]]
    value: bytes | None = None


def run_convert(
    vendor_name: str, record: Line, place: str, settings: Settings, source: int, target: BinaryIO
) -> int:
    """Answers each line of the file descriptor `source` as soon as it has come in whole."""
    vendor, options = VENDORS[vendor_name], settings.options_of(vendor_name)
    for lines in _lines(source, options.max_record_bytes):
        answers = []
        for line in lines:
            record.value = line
            answers.append(encode_outcome(convert(vendor, record, place, options)))
            record.offset += 1
        answers.append(b"")
        target.write(b"\n".join(answers))
        target.flush()
    return 0


def now_ms() -> int:
    return time.time_ns() // 1_000_000


_encode = msgspec.json.Encoder().encode


def encode_outcome(outcome: Outcome) -> bytes:
    """The outcome as contract section 7 writes it."""
    match outcome:
        case Emit(events):
            return _encode({"outcome": "emit", "events": events})
        case Skip(reason):
            return _encode({"outcome": "skip", "reason": reason})
        case Dead(reason, detail):
            return _encode({"outcome": "dead", "reason": reason, "detail": detail})


def _lines(source: int, limit: int) -> Iterator[list[bytes]]:
    """Batches of whole lines. Of a line over `limit` only `limit` + 1 bytes are kept: enough to be
    too large, however long it is."""
    rest = b""
    while chunk := os.read(source, _CHUNK):
        lines = chunk.split(b"\n")
        lines[0] = rest + lines[0]
        rest = lines.pop()[: limit + 1]
        if lines:
            yield lines
    if rest:
        yield [rest]
