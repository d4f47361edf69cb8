"""The lane without one of its safeguards each: the matrix has to go red for every one of them."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from app.lane.consumer import LaneConsumer
from app.lane.desk import PartitionDesk, Reception
from app.lane.findings import LogRecord
from app.lane.fold import _LogFold
from app.lane.guard import ChangelogGuard
from app.lane.offsets import Flight
from app.lane.producer import GroupProducer
from app.lane.slices import Partition
from app.lane.thread import LaneThread
from app.settings import Settings


def _acks_not_awaited(_: Settings) -> None:
    async def sync(_self: GroupProducer) -> None:
        return None

    GroupProducer.sync = sync  # type: ignore[method-assign, assignment]


def _committed_one_ahead(_: Settings) -> None:
    original = LaneThread._commit_offsets

    async def commit(self: LaneThread, offsets: dict[Partition, int], *rest: Any) -> bool:
        return await original(self, {each: at + 1 for each, at in offsets.items()}, *rest)

    LaneThread._commit_offsets = commit  # type: ignore[method-assign, assignment]


def _changelog_after_commit(settings: Settings) -> None:
    """A slice is done once its rows are appended; they go out behind the next commit."""
    committed = asyncio.Event()
    send, sync, commit = GroupProducer._send_round, GroupProducer.sync, LaneConsumer.commit

    async def late_round(self: GroupProducer, topic: str, batches: Any) -> None:
        if topic in settings.changelogs:
            committed.clear()
            await committed.wait()
        await send(self, topic, batches)

    def early_sync(self: GroupProducer) -> Any:
        if any(topic in settings.changelogs for topic in self._open):
            return asyncio.sleep(0)
        return sync(self)

    async def announced(self: LaneConsumer, *args: Any, **options: Any) -> bool:
        done = await commit(self, *args, **options)
        committed.set()
        return done

    GroupProducer._send_round = late_round  # type: ignore[method-assign]
    GroupProducer.sync = early_sync  # type: ignore[method-assign]
    LaneConsumer.commit = announced  # type: ignore[method-assign]


def _gate_off(_: Settings) -> None:
    """Whatever a fetch brings is dispatched. The check of continuity, the gate's second line, goes too."""

    def start_fetch(self: PartitionDesk) -> int:
        return 0

    def receive(
        self: PartitionDesk, _ticket: int, partition: Partition, first: int, last: int
    ) -> tuple[Reception, Flight]:
        return Reception.DISPATCH, self.book.dispatch(partition, first, last)

    def resume(self: PartitionDesk) -> bool:
        self.gate.open()
        return True

    PartitionDesk.start_fetch = start_fetch  # type: ignore[method-assign]
    PartitionDesk.receive = receive  # type: ignore[method-assign, assignment]
    PartitionDesk.resume = resume  # type: ignore[method-assign]


def _rewind_off(_: Settings) -> None:
    """What is dropped is not read again; the check of continuity believes the hole."""
    check, sought, rewinds = PartitionDesk.receive, PartitionDesk.sought, PartitionDesk.rewinds

    def receive(
        self: PartitionDesk, ticket: int, partition: Partition, first: int, last: int
    ) -> tuple[Reception, Flight | None]:
        if self.gate.admits(ticket) and self.continuity.expected(partition) is not None:
            self.continuity.place(partition, first)
        return check(self, ticket, partition, first, last)

    def sought_once(self: PartitionDesk, offsets: Mapping[Partition, int]) -> dict[Partition, int]:
        while again := sought(self, offsets):
            offsets = again
        return {}

    def no_rewinds(self: PartitionDesk) -> dict[Partition, int]:
        rewinds(self)
        return {}

    PartitionDesk.receive = receive  # type: ignore[method-assign]
    PartitionDesk.sought = sought_once  # type: ignore[method-assign]
    PartitionDesk.rewinds = no_rewinds  # type: ignore[method-assign]


def _quiesce_off(_: Settings) -> None:
    async def quiesce(self: LaneConsumer) -> None:
        self.stop_flow()
        self.app.flow_control.suspend()
        self.app.flow_control.clear()

    LaneConsumer._quiesce = quiesce  # type: ignore[method-assign]


def _merge_off(_: Settings) -> None:
    """The last record of a key wins, as in any other recovery."""

    def read(self: _LogFold, records: Iterable[LogRecord]) -> None:
        for record in records:
            if record.key is None:
                continue
            if record.value is None:
                self.rows.pop(record.key, None)
            else:
                self.rows[record.key] = record.value

    _LogFold.read = read  # type: ignore[method-assign]


def _guard_off(_: Settings) -> None:
    async def patrol(_self: ChangelogGuard) -> None:
        return None

    ChangelogGuard.patrol = patrol  # type: ignore[method-assign, assignment]


MUTATIONS: dict[str, Callable[[Settings], None]] = {
    "acks not awaited": _acks_not_awaited,
    "offsets committed one ahead": _committed_one_ahead,
    "changelog written after the commit": _changelog_after_commit,
    "fetch gate off": _gate_off,
    "rewind off": _rewind_off,
    "quiesce off": _quiesce_off,
    "recovery merge off": _merge_off,
    "guard off": _guard_off,
}
