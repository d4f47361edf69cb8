"""The program that another version of the mapping runs in: frames of records in, frames of outcomes out.

It imports nothing of Rollcall but the mapping of its path: `python -P mapping_process.py`, with the other
version in PYTHONPATH. So it works with every version that has `app.vendors.convert`.
"""

import sys
from typing import Any, BinaryIO, Final, NamedTuple

import msgspec
from msgspec import Struct

_LENGTH_BYTES: Final = 4


class WireRecord(Struct, array_like=True):
    """A record of a vendor's topic, as both processes know it. `partition`: as `topic/number`."""

    partition: str
    offset: int
    timestamp: int
    headers: list[tuple[str, bytes | None]]
    value: bytes | None


class MappingTask(Struct):
    """The first frame: which vendor, and the settings on which an outcome depends."""

    vendor: str
    tenant: str
    max_record_bytes: int


class MappingReady(Struct):
    """The answer to it. `problem`: why this version cannot map, "" if it can. `path`: where it is."""

    problem: str
    path: str


class OutcomeText(NamedTuple):
    """What became of a record. `events`: JSON, each event alone, encoded as it is written to Kafka."""

    outcome: str
    """`emit`, `skip` or `dead`."""
    reason: str = ""
    detail: str = ""
    events: tuple[bytes, ...] = ()


def outcome_text(outcome: Any) -> OutcomeText:
    """Returns an outcome of any version in the same form."""
    kind = type(outcome).__name__.lower()
    if kind == "emit":
        return OutcomeText(kind, events=tuple(msgspec.json.encode(event) for event in outcome.events))
    return OutcomeText(kind, outcome.reason, getattr(outcome, "detail", ""))


def read_frame(source: BinaryIO) -> bytes | None:
    """Returns the next frame, None at the end."""
    length = source.read(_LENGTH_BYTES)
    return source.read(int.from_bytes(length)) if len(length) == _LENGTH_BYTES else None


def write_frame(target: BinaryIO, frame: bytes) -> None:
    target.write(len(frame).to_bytes(_LENGTH_BYTES))
    target.write(frame)
    target.flush()


def serve(source: BinaryIO, target: BinaryIO) -> None:
    """Answers each frame of records with one of their outcomes, until the end of the source."""
    task = msgspec.msgpack.decode(read_frame(source) or b"", type=MappingTask)
    try:
        import app.vendors as mapping

        vendor = mapping.VENDORS[task.vendor]
        options = mapping.Options(tenant=task.tenant, max_record_bytes=task.max_record_bytes)
        convert, path = mapping.convert, mapping.__file__
        # The first versions had another signature.
        convert(vendor, WireRecord("-/0", 0, 0, [], None), "-/0", options)
    except (ImportError, AttributeError, KeyError, TypeError, SyntaxError) as error:
        problem = f"{type(error).__name__}: {' '.join(str(error).split())}"
        write_frame(target, msgspec.msgpack.encode(MappingReady(problem, "")))
        return
    write_frame(target, msgspec.msgpack.encode(MappingReady("", path)))
    records = msgspec.msgpack.Decoder(list[WireRecord])
    while frame := read_frame(source):
        outcomes = [
            outcome_text(convert(vendor, record, record.partition, options))
            for record in records.decode(frame)
        ]
        write_frame(target, msgspec.msgpack.encode(outcomes))


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
