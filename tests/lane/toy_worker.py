"""A worker of the lane without tables: what it handles, it writes to a file, a line a record.

Run by the contract tests as a process of its own: `python -m tests.lane.toy_worker '<json of Toy>'`.
"""

import asyncio
import logging
import sys
from collections.abc import AsyncIterable
from pathlib import Path

import msgspec

from app.lane import (
    LaneApp,
    LaneConfig,
    Slice,
    faust_options,
    install,
    lane_consumer,
    run,
    run_slices,
    slice_topic,
)


class Toy(msgspec.Struct, frozen=True, kw_only=True):
    """Times in seconds."""

    broker: str
    group: str
    topic: str
    journal: str
    """Path: `<partition> <offset>` for each record handled, in that order."""

    concurrency: int = 8
    slowness: float = 0.01
    """Longest wait between a slice's last write and its acknowledgement."""

    hold_at: tuple[int, int] | None = None
    """Partition and offset: the slice with this record is never acknowledged."""

    fail_at: tuple[int, int] | None = None
    """Partition and offset of the record that cannot be handled."""

    slice_max_records: int = 50
    quiesce_timeout: float = 20.0
    stop_deadline: float = 60.0


def main() -> int:
    toy = msgspec.json.decode(sys.argv[1], type=Toy)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    config = LaneConfig(
        slice_max_records=toy.slice_max_records,
        quiesce_timeout=toy.quiesce_timeout,
        commit_interval=0.2,
        session_timeout=6.0,
        heartbeat_interval=0.3,
    )
    app = LaneApp(toy.group, **faust_options(config, broker=toy.broker))
    install(app, config)
    with Path(toy.journal).open("a", buffering=1) as journal:

        async def handle(records: Slice) -> None:
            held = False
            for record in records.records:
                held |= (records.partition, record.offset) == toy.hold_at
                if (records.partition, record.offset) == toy.fail_at:
                    raise ValueError("this text must not be seen")
                journal.write(f"{records.partition} {record.offset}\n")
            if held:
                await asyncio.Event().wait()
            # Slices are acknowledged in another order than they were dispatched in.
            await asyncio.sleep(toy.slowness * (records.first % 7) / 6)

        @app.agent(slice_topic(app, toy.topic), concurrency=toy.concurrency)
        async def agent(stream: AsyncIterable[Slice]) -> None:
            await run_slices(stream, handle)

        code = run(app, stop_deadline=toy.stop_deadline)
    print("stats", lane_consumer(app).stats, flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
