"""Takes single safeguards out of the engine. A case of the matrix must fail for each of them."""

import asyncio
import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec import structs

import app.key_state
import app.slice_parts
import app.state
import app.state_agent
import app.vendor_agent
import app.worker
from app.engine import Row
from app.engine.consumer.assignment import AssignmentState, FetchDecision
from app.engine.consumer.attempts import Attempts
from app.engine.consumer.client_thread import ClientThread
from app.engine.consumer.commit_note import CommitNote
from app.engine.consumer.consumer import SliceConsumer
from app.engine.consumer.fetched import FetchedRange, ReadNotes
from app.engine.consumer.membership import GroupMembership
from app.engine.consumer.rebalance import Rebalance
from app.engine.producer.producer import GroupCommitProducer
from app.engine.record_batches.fetched_records import TakenRecords
from app.engine.slices import InFlightSlice, Partition
from app.engine.tables.findings import LogRecord
from app.engine.tables.log_replay import LogReplay
from app.engine.tables.zombie_repair import ZombieRepair
from app.settings import Settings
from app.state import User
from app.table_rules import TABLE_RULES
from tests.tools.mortal import RUN
from tests.tools.replacing import replace


def _acks_not_awaited(_: Settings) -> None:
    async def flush(_self: GroupCommitProducer) -> None:
        return None

    replace(GroupCommitProducer, "flush", flush)


def _committed_one_ahead(_: Settings) -> None:
    original = ClientThread._commit_offsets

    async def commit(self: ClientThread, offsets: dict[Partition, int], *rest: Any) -> bool:
        return await original(self, {each: at + 1 for each, at in offsets.items()}, *rest)

    replace(ClientThread, "_commit_offsets", commit)


def _changelog_after_commit(settings: Settings) -> None:
    """Makes a slice done when its rows are appended; they are sent after the next commit."""
    committed = asyncio.Event()
    send, flush, commit = GroupCommitProducer._send_round, GroupCommitProducer.flush, SliceConsumer.commit

    async def late_round(self: GroupCommitProducer, topic: str, batches: Any) -> None:
        if topic in settings.changelogs:
            committed.clear()
            await committed.wait()
        await send(self, topic, batches)

    def early_flush(self: GroupCommitProducer) -> Any:
        if any(topic in settings.changelogs for topic in self._open):
            return asyncio.sleep(0)
        return flush(self)

    async def announced(self: SliceConsumer, *args: Any, **options: Any) -> bool:
        done = await commit(self, *args, **options)
        committed.set()
        return done

    replace(GroupCommitProducer, "_send_round", late_round)
    replace(GroupCommitProducer, "flush", early_flush)
    replace(SliceConsumer, "commit", announced)


def _gate_off(_: Settings) -> None:
    """Dispatches everything that a fetch returns. The gap detector is taken out as well, because it would see
    it."""

    def start_fetch(self: AssignmentState) -> int:
        return 0

    def receive(
        self: AssignmentState, _epoch: int, partition: Partition, first: int, last: int, *rest: Any
    ) -> tuple[FetchDecision, InFlightSlice]:
        return FetchDecision.DISPATCH, self.offsets.dispatch(partition, first, last, *rest)

    def check_position(_self: AssignmentState, *_: Any) -> FetchDecision:
        return FetchDecision.DISPATCH

    def open_always(self: AssignmentState) -> bool:
        self.gate.open()
        return True

    replace(AssignmentState, "start_fetch", start_fetch)
    replace(AssignmentState, "receive", receive)
    replace(AssignmentState, "check_position", check_position)
    replace(AssignmentState, "open", open_always)


def _rewind_off(_: Settings) -> None:
    """Does not read again what is dropped, and makes the gap detector accept the gap."""
    check, sought, rewinds = AssignmentState.receive, AssignmentState.sought, AssignmentState.rewinds

    def receive(
        self: AssignmentState, epoch: int, partition: Partition, first: int, last: int, *rest: Any
    ) -> tuple[FetchDecision, InFlightSlice | None]:
        if self.gate.admits(epoch) and self.gaps.expected(partition) is not None:
            self.gaps.set_position(partition, first)
        return check(self, epoch, partition, first, last, *rest)

    def sought_once(self: AssignmentState, offsets: Mapping[Partition, int]) -> dict[Partition, int]:
        while again := sought(self, offsets):
            offsets = again
        return {}

    def no_rewinds(self: AssignmentState) -> dict[Partition, int]:
        rewinds(self)
        return {}

    replace(AssignmentState, "receive", receive)
    replace(AssignmentState, "sought", sought_once)
    replace(AssignmentState, "rewinds", no_rewinds)


def _position_off(_: Settings) -> None:
    """Takes the offsets of the first and the last record for what was read, and looks at no position."""
    take = ReadNotes.take

    def records_only(
        self: ReadNotes, records: Mapping[Partition, TakenRecords]
    ) -> dict[Partition, list[FetchedRange]]:
        take(self, records)
        return {
            partition: [FetchedRange(found[0].offset, found[-1].offset + 1, found, found.size)]
            for partition, found in records.items()
        }

    def check_position(_self: AssignmentState, *_: Any) -> FetchDecision:
        return FetchDecision.DISPATCH

    replace(ReadNotes, "take", records_only)
    replace(AssignmentState, "check_position", check_position)


def _quiesce_off(_: Settings) -> None:
    async def quiesce(self: Rebalance) -> None:
        self._stop_dispatch()

    replace(Rebalance, "quiesce", quiesce)


def _merge_off(_: Settings) -> None:
    """Keeps the last record of a key, as Faust's recovery does."""

    def read(self: LogReplay, records: Iterable[LogRecord], _producer: int) -> None:
        for record in records:
            if record.key is None:
                continue
            if record.value is None:
                self.rows.pop(record.key, None)
            else:
                self.rows[record.key] = record.value

    replace(LogReplay, "read", read)


def _repair_off(_: Settings) -> None:
    async def scan(_self: ZombieRepair) -> None:
        return None

    replace(ZombieRepair, "scan", scan)


def _backstop_off(_: Settings) -> None:
    """Forgets the count of deaths when a partition is assigned."""
    original = Attempts.assigned

    def assigned(self: Attempts, partition: Partition, offset: int, note: CommitNote) -> bool:
        return original(self, partition, offset, structs.replace(note, attempts=0, until=0))

    replace(Attempts, "assigned", assigned)


def _coordinator_watch_off(_: Settings) -> None:
    """Leaves it to aiokafka to keep what the coordinator answers."""

    def watch(_self: GroupMembership, _coordinator: Any) -> None:
        return None

    replace(GroupMembership, "_watch_refusals", watch)


def _boundary_check_off(_: Settings) -> None:
    """Takes every value of a changelog for a row."""

    def judge(*_: object) -> None:
        return None

    replace(app.worker, "TABLE_RULES", dataclasses.replace(TABLE_RULES, judge=judge))


def _partition_check_off(_: Settings) -> None:
    """Applies events to rows in every partition."""

    class Anywhere(int):
        def __ne__(self, other: object) -> bool:
            return False

        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = int.__hash__

    def partition_of(_key: bytes, _count: int) -> int:
        return Anywhere()

    replace(app.state_agent, "partition_of", partition_of)


def _changed_names_off(_: Settings) -> None:
    """Names in each row what differs from no row, so that consumers look at everything each time."""
    from_nothing = app.state.changed_user

    def changed(_before: User | None, after: User | None, _held: Row, row: Row) -> bytes:
        return from_nothing(None, after, None, row)

    replace(app.key_state, "changed_user", changed)


def _departure_off(_: Settings) -> None:
    """Ends the process without leaving its group, so that everybody waits for the end of its session."""
    replace(RUN, "depart", lambda _app: None)


def _slice_bound_off(_: Settings) -> None:
    """Writes a slice in one part, whatever its size, and waits for no room."""
    replace(app.vendor_agent, "PART_BYTES", math.inf)
    replace(app.state_agent, "_PART_BYTES", math.inf)
    replace(GroupCommitProducer, "_is_full", lambda _self: False)


def _budget_off(_: Settings) -> None:
    """Handles a slice without a pause, and its large records in the event loop."""
    replace(app.slice_parts, "PART_SECONDS", math.inf)
    for module in (app.slice_parts, app.state_agent):
        replace(module, "LARGE_BYTES", math.inf)
    replace(app.vendor_agent, "_MANY_HEADERS", math.inf)


MUTATIONS: dict[str, Callable[[Settings], None]] = {
    "acks not awaited": _acks_not_awaited,
    "offsets committed one ahead": _committed_one_ahead,
    "changelog written after the commit": _changelog_after_commit,
    "fetch gate off": _gate_off,
    "rewind off": _rewind_off,
    "position in place of last+1 off": _position_off,
    "quiesce off": _quiesce_off,
    "merge off": _merge_off,
    "repair off": _repair_off,
    "backstop off": _backstop_off,
    "coordinator watch off": _coordinator_watch_off,
    "boundary check off": _boundary_check_off,
    "partition check off": _partition_check_off,
    "changed names off": _changed_names_off,
    "departure off": _departure_off,
    "slice bound off": _slice_bound_off,
    "budget off": _budget_off,
}
