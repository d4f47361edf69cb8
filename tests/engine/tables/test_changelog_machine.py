"""Owner, zombies, takeovers, scans, crashes and compaction in any order: after the last scan the last record
of every key has every event that there ever was. Planted bugs show that the test can fail."""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from app.engine.record_batches.fetched_records import NO_PRODUCER
from app.engine.tables import log_replay as replay_module
from app.engine.tables import zombie_rows as zombie_rows_module
from app.engine.tables.changelog_replay import ChangelogReplay
from app.engine.tables.findings import Findings, HomePartition, is_repair
from app.engine.tables.merge_rules import TABLE_NAMES, Pair, Row, TableName, TableRules
from app.engine.tables.write_ledger import WriteLedger
from app.engine.tables.zombie_rows import Repaired
from tests.engine.tables import changelog_model
from tests.engine.tables.changelog_model import Event, LogRecord, Logs, Worker
from tests.engine.toy_rows import TOY_RULES, apply_event, is_marker, users_row

KEYS = [b"eve", b"bob"]
ELSEWHERE = b"ada"  # a key of another partition
STRANGER = 1_000_000  # the producer id of a tool with idempotence
GARBAGE = st.sampled_from([b"", b"{", b"null", b"1", b'{"events":["x"]}', b"[[]]", b"{}"])
KEY = st.sampled_from([b"eve", b"eve", b"bob"])  # most faults need one key only
TABLE = st.sampled_from(TABLE_NAMES)


class ChangelogMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.logs = Logs()
        self.zombies: list[Worker] = []
        self.floor = 0  # events are newer than this, as are those after a deletion whose grace period is over
        self.history: dict[bytes, list[Event]] = {key: [] for key in KEYS}
        self.replay: deque[Event] = deque()
        self.garbage: dict[TableName, list[int]] = {name: [] for name in TABLE_NAMES}
        self.settled: Counter[TableName] = Counter()  # the offsets before which compaction may remove records
        self.born: Counter[TableName] = Counter()  # since the end of a grace period
        self.records_at_once = 1_000
        self.owner = self._new_owner()

    @initialize(
        last_repair=st.sampled_from(["scan", "restore", "acknowledgement"]),
        records_at_once=st.sampled_from([1, 2, 1_000]),
    )
    def choose_what_repairs_last(self, last_repair: str, records_at_once: int | None = None) -> None:
        self.last_repair = last_repair
        self.records_at_once = records_at_once or self.records_at_once

    @rule(key=KEY, kind=st.sampled_from(["update", "points", "delete"]), time=st.integers(1, 5))
    def event(self, key: bytes, kind: str, time: int) -> None:
        event = Event(key, kind, self.floor + time)
        self.history[key].append(event)
        self.owner.process(event)

    @precondition(lambda self: self.replay)
    @rule()
    def event_comes_again(self) -> None:
        self.owner.process(self.replay.popleft())

    @rule(table=TABLE, count=st.integers(1, 3))
    def send(self, table: TableName, count: int) -> None:
        self.owner.send(table, count)

    @rule(table=TABLE, offset_known=st.booleans())
    def acknowledge(self, table: TableName, offset_known: bool) -> None:
        self.owner.hear(table, offset_known=offset_known)

    @rule()
    def send_and_acknowledge_all(self) -> None:
        self.owner.drain()

    @rule()
    def scan(self) -> None:
        self.owner.scan()

    @rule()
    def crash(self) -> None:
        self.replay.extend(self.owner.uncommitted())
        self.owner = self._new_owner()

    @precondition(lambda self: len(self.zombies) < 2)
    @rule()
    def stopped_and_replaced(self) -> None:
        self.zombies.append(self.owner)
        self.replay.extend(self.owner.uncommitted())
        self.owner = self._new_owner()

    @precondition(lambda self: self.zombies)
    @rule(which=st.integers(0, 1), table=TABLE, count=st.integers(1, 3))
    def zombie_sends(self, which: int, table: TableName, count: int) -> None:
        self._zombie(which).send(table, count)

    @precondition(lambda self: self.zombies)
    @rule(which=st.integers(0, 1), table=TABLE)
    def zombie_scans(self, which: int, table: TableName) -> None:
        self._zombie(which).hear(table)
        self._zombie(which).scan()

    @precondition(lambda self: self.zombies)
    @rule()
    def zombie_learns_that_it_is_one(self) -> None:
        self.zombies.pop(0)

    @precondition(lambda self: self.zombies)
    @rule(which=st.integers(0, 1), crash=st.booleans())
    def zombie_gets_the_partition_back(self, which: int, crash: bool) -> None:
        again, before = self._zombie(which), self.owner
        self.zombies.remove(again)
        if not crash:
            self.zombies.append(before)
        self.replay.extend(before.uncommitted())
        again.gets_it_back()
        self.owner = again

    @rule()
    def the_compaction_lag_passes(self) -> None:
        """Everything that has happened is in the logs now. Zombies may sleep for longer."""
        self._owner_handles_all()
        self.settled = self.logs.ends.copy()

    @precondition(lambda self: any(self.settled.values()))
    @rule(table=TABLE, back=st.integers(0, 3), tombstones=st.booleans())
    def compaction(self, table: TableName, back: int, tombstones: bool) -> None:
        self.logs.compact(table, self.settled[table] - back, tombstones=tombstones)

    @rule(table=TABLE, key=KEY, back=st.integers(0, 3), with_headers=st.booleans())
    def somebody_writes_an_old_row_again(
        self, table: TableName, key: bytes, back: int, with_headers: bool = False
    ) -> None:
        """A tool without idempotence copies the record of a worker; any other one writes the row only."""
        rows = [
            record
            for record in self.logs.records[table]
            if record.key == key
            and record.value is not None
            and record.offset >= self.born[table]
            and TOY_RULES.judge(table, key, record.value) is None
        ]
        if rows:
            old = rows[-1 - back % len(rows)]
            producer = NO_PRODUCER if with_headers else STRANGER
            headers = old.headers if with_headers else ()
            if not is_repair(old):
                self.logs.write(table, LogRecord(key, old.value, headers, producer=producer))

    @rule(
        table=TABLE,
        key=st.sampled_from([*KEYS, ELSEWHERE]),
        value=GARBAGE,
        producer=st.sampled_from([NO_PRODUCER, STRANGER]),
    )
    def somebody_writes_garbage(
        self, table: TableName, key: bytes, value: bytes, producer: int = NO_PRODUCER
    ) -> None:
        record = LogRecord(key, value, producer=producer)
        self.garbage[table].append(self.logs.write(table, record))

    @rule(table=TABLE, value=st.sampled_from([None, b"", b"[1]"]))
    def somebody_writes_without_a_key(self, table: TableName, value: Row) -> None:
        self.logs.write(table, LogRecord(None, value))

    @rule(time=st.one_of(st.none(), st.integers(1, 5)))
    def somebody_writes_in_the_wrong_partition(self, time: int | None) -> None:
        self.logs.write("users", LogRecord(ELSEWHERE, None if time is None else users_row([time])))

    @precondition(lambda self: any(map(self._is_deleted, KEYS)))
    @rule(key=KEY)
    def grace_period_ends(self, key: bytes) -> None:
        """Ends a grace period a month later: no zombie is left, and everything is repaired."""
        self._settle()
        if self._is_deleted(key):
            self.owner.put("users", key, None)
            self.owner.drain()
            self.history[key].clear()
            self.floor += 10
            self.born = self.logs.ends.copy()

    def teardown(self) -> None:
        self._settle()
        self._check()
        self.owner = self._new_owner()
        assert not any(self.owner.outbox.values()), "no row of settled logs is written again"
        self._check()

    def _check(self) -> None:
        for key in KEYS:
            truth = Pair(None, None)
            for event in self.history[key]:
                truth = apply_event(truth, event.kind, event.time)
            assert self.owner.pair(key) == truth, "rows in memory"
            assert self.logs.last(key) == truth, "last records"
            assert self.owner.pair(ELSEWHERE) == Pair(None, None), "rows of another partition"
        for name in TABLE_NAMES:
            assert set(self.garbage[name]) == set(self.logs.dead[name]), "dead letters"
            row = getattr(self.logs.last(ELSEWHERE), name)
            assert row is None or TOY_RULES.judge(name, ELSEWHERE, row) is None, "garbage stays elsewhere"

    def _zombie(self, which: int) -> Worker:
        return self.zombies[which % len(self.zombies)]

    def _is_deleted(self, key: bytes) -> bool:
        users = self.owner.pair(key).users
        return users is not None and is_marker(users)

    def _new_owner(self) -> Worker:
        worker = Worker(self.logs, TOY_RULES, records_at_once=self.records_at_once)
        worker.restore()
        return worker

    def _owner_handles_all(self) -> None:
        while self.replay:
            self.event_comes_again()
        self.owner.drain()
        self.owner.scan()
        self.owner.drain()
        self._check()

    def _settle(self) -> None:
        """Handles all repeated events, lets the zombies write what they have and end, and repairs the logs
        by a restore or a scan."""
        while self.replay:
            self.event_comes_again()
        for writer in (
            (*self.zombies, self.owner)
            if self.last_repair == "acknowledgement"
            else (self.owner, *self.zombies)
        ):
            writer.drain()
        self.zombies.clear()
        if self.last_repair == "restore":
            self.owner = self._new_owner()
            self.owner.drain()
        self.owner.scan()
        self.owner.drain()
        assert self.owner.ledger.zombie_ranges() == []


def run(machine: type[RuleBasedStateMachine], *, examples: int, mutant: bool = False) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            derandomize=mutant,
            database=None,
            phases=[Phase.generate] if mutant else [Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )


def a_stale_row_between_our_own(machine: ChangelogMachine) -> None:
    machine.choose_what_repairs_last("acknowledgement")
    machine.event(b"eve", "update", 1)
    machine.stopped_and_replaced()
    machine.event_comes_again()
    machine.event(b"eve", "update", 2)
    machine.send_and_acknowledge_all()
    machine.zombie_sends(0, "users", 1)
    machine.event(b"bob", "update", 1)


def a_tombstone_from_an_old_memory(machine: ChangelogMachine) -> None:
    machine.choose_what_repairs_last("restore")
    machine.event(b"eve", "points", 1)
    machine.event(b"eve", "delete", 1)
    machine.stopped_and_replaced()
    machine.event_comes_again()
    machine.event_comes_again()
    machine.event(b"eve", "points", 2)


def a_repair_from_an_old_memory(machine: ChangelogMachine) -> None:
    machine.choose_what_repairs_last("restore")
    machine.somebody_writes_garbage("loyalty", b"eve", b"")
    machine.event(b"eve", "points", 1)
    machine.crash()
    machine.stopped_and_replaced()


def two_late_rows_of_one_zombie(machine: ChangelogMachine) -> None:
    machine.choose_what_repairs_last("restore")
    machine.event(b"eve", "update", 1)
    machine.send_and_acknowledge_all()
    machine.event(b"eve", "update", 2)
    machine.event(b"eve", "update", 3)
    machine.stopped_and_replaced()
    machine.event_comes_again()
    machine.event_comes_again()
    machine.event(b"eve", "update", 4)


def two_late_rows_of_a_zombie_that_has_the_partition_again(machine: ChangelogMachine) -> None:
    machine.choose_what_repairs_last("restore")
    machine.event(b"eve", "update", 1)
    machine.event(b"eve", "update", 2)
    machine.stopped_and_replaced()
    machine.event_comes_again()
    machine.event_comes_again()
    machine.event(b"eve", "update", 3)
    machine.send_and_acknowledge_all()
    machine.zombie_gets_the_partition_back(0, crash=False)
    machine.event(b"eve", "update", 4)


def two_old_rows_of_a_tool(machine: ChangelogMachine, *, with_headers: bool = False) -> None:
    machine.choose_what_repairs_last("restore")
    machine.event(b"eve", "update", 1)
    machine.event(b"eve", "update", 2)
    machine.send_and_acknowledge_all()
    machine.somebody_writes_an_old_row_again("users", b"eve", 0, with_headers=with_headers)
    machine.somebody_writes_an_old_row_again("users", b"eve", 2, with_headers=with_headers)


def two_old_records_of_a_tool_without_idempotence(machine: ChangelogMachine) -> None:
    two_old_rows_of_a_tool(machine, with_headers=True)


def a_repair_that_is_still_to_be_sent_when_the_partition_is_back(machine: ChangelogMachine) -> None:
    machine.choose_what_repairs_last("scan")
    machine.event(b"bob", "update", 1)
    machine.crash()
    machine.stopped_and_replaced()
    machine.somebody_writes_garbage("users", b"bob", b"")
    machine.zombie_scans(0, "users")
    machine.the_compaction_lag_passes()
    machine.zombie_gets_the_partition_back(0, crash=False)


SCHEDULES = [
    a_stale_row_between_our_own,
    a_tombstone_from_an_old_memory,
    a_repair_from_an_old_memory,
    two_late_rows_of_one_zombie,
    two_late_rows_of_a_zombie_that_has_the_partition_again,
    two_old_rows_of_a_tool,
    two_old_records_of_a_tool_without_idempotence,
    a_repair_that_is_still_to_be_sent_when_the_partition_is_back,
]


@pytest.mark.parametrize("records_at_once", [1, 1_000])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_schedule_that_random_ones_rarely_hit(
    schedule: Callable[[ChangelogMachine], None], records_at_once: int
) -> None:
    machine = ChangelogMachine()
    machine.records_at_once = records_at_once
    schedule(machine)
    machine.teardown()


@pytest.mark.untraced
def test_every_schedule_ends_with_the_truth_in_the_log() -> None:
    run(ChangelogMachine, examples=300)


def _no_scan(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Worker, "scan", lambda self: None)


def _gaps_go_unseen(patch: pytest.MonkeyPatch) -> None:
    def acknowledged(self: WriteLedger, log: Any, base: int, count: int) -> bool:
        self._entries[log].known_end = max(self._entries[log].known_end, base + count)
        return False

    patch.setattr(WriteLedger, "acknowledged", acknowledged)


def _replay_with(rules: TableRules) -> Callable[..., ChangelogReplay]:
    return lambda _, home, *, lazily: ChangelogReplay(rules, home, lazily=lazily)


def _restore_overwrites(patch: pytest.MonkeyPatch) -> None:
    overwriting = replace(
        TOY_RULES,
        users=replace(TOY_RULES.users, supersedes=lambda older, newer: True),
        loyalty=replace(TOY_RULES.loyalty, supersedes=lambda older, newer: True),
    )
    patch.setattr(changelog_model, "ChangelogReplay", _replay_with(overwriting))


def _restore_rewrites_nothing(patch: pytest.MonkeyPatch) -> None:
    finish = replay_module.LogReplay.finish
    patch.setattr(replay_module.LogReplay, "finish", lambda self: finish(self)._replace(rewrite=set()))


def _tombstones_take_all(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(replay_module.LogReplay, "revive", lambda self, key: None)


def _tombstones_take_nothing(patch: pytest.MonkeyPatch) -> None:
    forgiving = replace(TOY_RULES, is_marker=lambda row: False)
    patch.setattr(changelog_model, "ChangelogReplay", _replay_with(forgiving))


def _rows_are_not_reconciled(patch: pytest.MonkeyPatch) -> None:
    careless = replace(TOY_RULES, reconcile=lambda users, loyalty: (users, loyalty))
    patch.setattr(changelog_model, "ChangelogReplay", _replay_with(careless))


def _repairs_in_memory_only(patch: pytest.MonkeyPatch) -> None:
    real = zombie_rows_module.merge_zombie_records

    def merge_zombie_records(rules: Any, table: Any, key: bytes, ours: Any, zombie: Any) -> Repaired:
        repaired = real(rules, table, key, ours, zombie)
        return repaired if repaired.pair != ours else repaired._replace(rewrite=())

    patch.setattr(changelog_model, "merge_zombie_records", merge_zombie_records)


def _repairs_leave_no_mark(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Findings, "repair_headers", lambda self, key: ())


def _garbage_is_only_passed_over(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        changelog_model.Logs, "append_dead_letters", lambda self, name, findings: findings.garbage.clear()
    )


def _repairs_end_rows(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(replay_module, "is_repair", lambda record: False)


def _every_key_is_at_home(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(changelog_model, "HOME", HomePartition(0, 1))


def _garbage_stays_where_it_is(patch: pytest.MonkeyPatch) -> None:
    finish = replay_module.LogReplay.finish

    def rewrite_rows_only(self: Any) -> Any:
        restored = finish(self)
        return restored._replace(rewrite=restored.rewrite - restored.findings.garbage.keys())

    patch.setattr(replay_module.LogReplay, "finish", rewrite_rows_only)


def _one_producer_is_a_proof_after_a_merge(patch: pytest.MonkeyPatch) -> None:
    def has_all(self: Any, key: bytes, writer: int | None, producer: int, record: Any) -> bool:
        return producer == writer != NO_PRODUCER and replay_module._is_of_a_worker(record)

    patch.setattr(replay_module.LogReplay, "_has_all", has_all)


def _no_producer_is_a_proof(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(replay_module, "NO_PRODUCER", -2)


def _a_strangers_producer_is_a_proof(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(replay_module, "_is_of_a_worker", lambda record: True)


def _any_producer_is_a_proof(patch: pytest.MonkeyPatch) -> None:
    def has_all(self: Any, key: bytes, writer: int | None, producer: int, record: Any) -> bool:
        return producer != NO_PRODUCER and key not in self._last and replay_module._is_of_a_worker(record)

    patch.setattr(replay_module.LogReplay, "_has_all", has_all)


def _any_producer_replaces_unjudged(patch: pytest.MonkeyPatch) -> None:
    replace_unjudged = replay_module.LogReplay._replace_unjudged

    def careless(self: Any, key: bytes, versions: Any, producer: int) -> bool:
        self._writers[key] = producer
        return replace_unjudged(self, key, versions, producer)

    patch.setattr(replay_module.LogReplay, "_replace_unjudged", careless)


def _a_merge_is_replaced_unjudged(patch: pytest.MonkeyPatch) -> None:
    replace_unjudged = replay_module.LogReplay._replace_unjudged

    def careless(self: Any, key: bytes, versions: Any, producer: int) -> bool:
        last, self._last = self._last, {}
        try:
            return replace_unjudged(self, key, versions, producer)
        finally:
            self._last = last

    patch.setattr(replay_module.LogReplay, "_replace_unjudged", careless)


def _it_reads_before_it_has_sent_all(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Worker, "gets_it_back", Worker.restore)


def _only_the_first_producer_is_remembered(patch: pytest.MonkeyPatch) -> None:
    read = replay_module.LogReplay.read

    def forgetful(self: Any, records: Any, producer: int) -> None:
        read(self, records, producer)
        self._writers.clear()

    patch.setattr(replay_module.LogReplay, "read", forgetful)


@pytest.mark.untraced
@pytest.mark.parametrize(
    "plant",
    [
        _one_producer_is_a_proof_after_a_merge,
        _no_producer_is_a_proof,
        _a_strangers_producer_is_a_proof,
        _any_producer_is_a_proof,
        _any_producer_replaces_unjudged,
        _a_merge_is_replaced_unjudged,
        _only_the_first_producer_is_remembered,
        _it_reads_before_it_has_sent_all,
        _no_scan,
        _gaps_go_unseen,
        _restore_overwrites,
        _restore_rewrites_nothing,
        _tombstones_take_all,
        _tombstones_take_nothing,
        _rows_are_not_reconciled,
        _repairs_in_memory_only,
        _repairs_leave_no_mark,
        _repairs_end_rows,
        _garbage_is_only_passed_over,
        _every_key_is_at_home,
        _garbage_stays_where_it_is,
    ],
)
def test_a_planted_bug_is_caught(
    plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        _try_everything()


def _try_everything() -> None:
    for schedule, records_at_once in product(SCHEDULES, [1, 1_000]):
        test_a_schedule_that_random_ones_rarely_hit(schedule, records_at_once)
    run(ChangelogMachine, examples=1_000, mutant=True)
