"""A worker without tables: it writes a line to a file for each record that it handles.

Tests of the engine run it as a process of its own: `python -m tests.engine.toy_worker '<json of Toy>'`.
"""

import asyncio
import logging
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final, Literal, TextIO

import msgspec

from app.engine import (
    ConsumerConfig,
    EngineObserver,
    Slice,
    SliceApp,
    add_agent,
    departure,
    run,
)
from tests.tools.replacing import replace
from tests.waiting import GIVE_UP_SECONDS

_FOR_EVER: Final = 3600.0


class Toy(msgspec.Struct, frozen=True, kw_only=True):
    """Times in seconds."""

    broker: str
    group: str
    topic: str
    journal: str
    """The path of a file with a line `<partition> <offset>` for each record handled, in that order."""

    concurrency: int = 8
    slowness: float = 0.01
    """The longest wait between a slice's last write and its acknowledgement."""

    block_at: tuple[int, int] | None = None
    """Partition and offset. The slice with this record is never acknowledged."""

    fail_at: tuple[int, int] | None = None
    """Partition and offset of the record that cannot be handled."""

    isolation_level: Literal["read_committed", "read_uncommitted"] = "read_committed"
    slice_max_records: int = 50
    # Few tests are about the end of a session, so a machine that stands still must not end one.
    session_timeout: float = 60.0
    quiesce_timeout: float = 20.0
    stop_deadline: float = 60.0


def main() -> int:
    toy = msgspec.json.decode(sys.argv[1], type=Toy)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    config = ConsumerConfig(
        isolation_level=toy.isolation_level,
        slice_max_records=toy.slice_max_records,
        quiesce_timeout=toy.quiesce_timeout,
        commit_interval=0.2,
        session_timeout=toy.session_timeout,
        heartbeat_interval=0.3,
    )
    # On a busy machine an answer may take longer than a worker waits for it.
    replace(departure, "_LEAVE_SECONDS", GIVE_UP_SECONDS)
    app = SliceApp(toy.group, config, broker=toy.broker, observer=SaysGaps())
    with Path(toy.journal).open("a", buffering=1) as journal:
        producer = SlowAcknowledgement()
        writer = Writer(toy, journal, producer)
        add_agent(app, "toy", toy.topic, writer, producer, slices_at_once=toy.concurrency)
        return run(app, stop_deadline=toy.stop_deadline)


class SaysGaps(EngineObserver):
    """Prints a line `gap <partition> <expected offset> <offset>` for each gap."""

    def gap(self, topic: str, partition: int, expected: int, seen: int) -> None:
        print("gap", partition, expected, seen, flush=True)


class SlowAcknowledgement:
    """In place of the producer: slices are acknowledged in another order than that of their dispatch."""

    seconds = 0.0
    """How long the slice that was handled last waits for its acknowledgement."""

    async def room(self) -> None:
        pass

    async def flush(self) -> None:
        await asyncio.sleep(self.seconds)


class Writer:
    """The agent, and the part that it makes of a slice."""

    def __init__(self, toy: Toy, journal: TextIO, producer: SlowAcknowledgement) -> None:
        self._toy = toy
        self._journal = journal
        self._producer = producer

    def process(self, slice_: Slice) -> Generator["Writer", Any, None]:
        seconds = self._toy.slowness * (slice_.first % 7) / 6
        for record in slice_.records:
            position = (slice_.partition, record.offset)
            if position == self._toy.block_at:
                seconds = _FOR_EVER
            if position == self._toy.fail_at:
                raise ValueError("this text must not be seen")
            self._journal.write(f"{slice_.partition} {record.offset}\n")
        self._producer.seconds = seconds
        yield self

    def settle(self) -> bool:
        return False

    def count(self) -> None:
        pass


if __name__ == "__main__":
    sys.exit(main())
