"""Owner, zombies, patrols, rebalances and crashes in any order: after the last patrol every key's last
record holds every event there ever was. And the test must be able to fail."""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
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

from app.lane import fold as fold_module
from app.lane import healing
from app.lane.findings import Findings, Place
from app.lane.fold import PartitionFold
from app.lane.healing import Healed
from app.lane.ledger import WriteLedger
from app.lane.rowlogic import TABLE_NAMES, Pair, Row, TableName
from tests.lane import changelog_model
from tests.lane.changelog_model import Event, LogRecord, Logs, Worker
from tests.lane.toy_rows import TOY_LOGIC, apply_event, is_marker, users_row

KEYS = [b"eve", b"bob"]
ELSEWHERE = b"ada"  # a key of another partition
GARBAGE = st.sampled_from([b"", b"{", b"null", b"1", b'{"events":["x"]}', b"[[]]", b"{}"])
KEY = st.sampled_from([b"eve", b"eve", b"bob"])  # most of what can go wrong needs one key only
TABLE = st.sampled_from(TABLE_NAMES)


class ChangelogMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.logs = Logs()
        self.zombies: list[Worker] = []
        self.floor = 0  # events are newer than this: before lies a deletion whose grace period is over
        self.history: dict[bytes, list[Event]] = {key: [] for key in KEYS}
        self.replay: deque[Event] = deque()
        self.garbage: dict[TableName, list[int]] = {name: [] for name in TABLE_NAMES}
        self.owner = self._new_owner()

    @initialize(healer=st.sampled_from(["patrol", "recovery", "acknowledgement"]))
    def choose_who_heals_last(self, healer: str) -> None:
        self.healer = healer

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

    @rule(table=TABLE, place_known=st.booleans())
    def acknowledge(self, table: TableName, place_known: bool) -> None:
        self.owner.hear(table, place_known=place_known)

    @rule()
    def send_and_acknowledge_all(self) -> None:
        self.owner.drain()

    @rule()
    def patrol(self) -> None:
        self.owner.patrol()

    @rule()
    def crash(self) -> None:
        self.replay.extend(self.owner.uncommitted())
        self.owner = self._new_owner()

    @precondition(lambda self: len(self.zombies) < 2)
    @rule()
    def paused_and_replaced(self) -> None:
        self.zombies.append(self.owner)
        self.replay.extend(self.owner.uncommitted())
        self.owner = self._new_owner()

    @precondition(lambda self: self.zombies)
    @rule(which=st.integers(0, 1), table=TABLE, count=st.integers(1, 3))
    def zombie_sends(self, which: int, table: TableName, count: int) -> None:
        self._zombie(which).send(table, count)

    @precondition(lambda self: self.zombies)
    @rule(which=st.integers(0, 1), table=TABLE)
    def zombie_patrols(self, which: int, table: TableName) -> None:
        self._zombie(which).hear(table)
        self._zombie(which).patrol()

    @precondition(lambda self: self.zombies)
    @rule()
    def zombie_learns_that_it_is_one(self) -> None:
        self.zombies.pop(0)

    @rule(table=TABLE, key=st.sampled_from([*KEYS, ELSEWHERE]), value=GARBAGE)
    def somebody_writes_garbage(self, table: TableName, key: bytes, value: bytes) -> None:
        self.garbage[table].append(self.logs.write(table, LogRecord(key, value)))

    @rule(table=TABLE, value=st.sampled_from([None, b"", b"[1]"]))
    def somebody_writes_without_a_key(self, table: TableName, value: Row) -> None:
        self.logs.write(table, LogRecord(None, value))

    @rule(time=st.one_of(st.none(), st.integers(1, 5)))
    def somebody_writes_in_the_wrong_partition(self, time: int | None) -> None:
        self.logs.write("users", LogRecord(ELSEWHERE, None if time is None else users_row([time])))

    @precondition(lambda self: any(map(self._is_deleted, KEYS)))
    @rule(key=KEY)
    def grace_period_ends(self, key: bytes) -> None:
        """A month later: nobody is paused any more, and everything is healed."""
        self._settle()
        if self._is_deleted(key):
            self.owner.put("users", key, None)
            self.owner.drain()
            self.history[key].clear()
            self.floor += 10

    def teardown(self) -> None:
        self._settle()
        self._check()
        self.owner = self._new_owner()
        assert not any(self.owner.outbox.values()), "settled logs need no row again"
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
            assert row is None or TOY_LOGIC.judge(name, ELSEWHERE, row) is None, "garbage stays elsewhere"

    def _zombie(self, which: int) -> Worker:
        return self.zombies[which % len(self.zombies)]

    def _is_deleted(self, key: bytes) -> bool:
        users = self.owner.pair(key).users
        return users is not None and is_marker(users)

    def _new_owner(self) -> Worker:
        worker = Worker(self.logs, TOY_LOGIC)
        worker.recover()
        return worker

    def _settle(self) -> None:
        """What comes again has come; zombies write their last and die; then a recovery or a patrol heals."""
        while self.replay:
            self.event_comes_again()
        for writer in (
            (*self.zombies, self.owner) if self.healer == "acknowledgement" else (self.owner, *self.zombies)
        ):
            writer.drain()
        self.zombies.clear()
        if self.healer == "recovery":
            self.owner = self._new_owner()
            self.owner.drain()
        self.owner.patrol()
        self.owner.drain()
        assert self.owner.ledger.foreign() == []


def run(machine: type[RuleBasedStateMachine], *, examples: int, mutant: bool = False) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            deadline=None,
            derandomize=mutant,
            database=None,
            phases=[Phase.generate] if mutant else [Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )


def a_stale_row_between_our_own(machine: ChangelogMachine) -> None:
    machine.choose_who_heals_last("acknowledgement")
    machine.event(b"eve", "update", 1)
    machine.paused_and_replaced()
    machine.event_comes_again()
    machine.event(b"eve", "update", 2)
    machine.send_and_acknowledge_all()
    machine.zombie_sends(0, "users", 1)
    machine.event(b"bob", "update", 1)


def a_tombstone_from_an_old_memory(machine: ChangelogMachine) -> None:
    machine.choose_who_heals_last("recovery")
    machine.event(b"eve", "points", 1)
    machine.event(b"eve", "delete", 1)
    machine.paused_and_replaced()
    machine.event_comes_again()
    machine.event_comes_again()
    machine.event(b"eve", "points", 2)


def a_repair_from_an_old_memory(machine: ChangelogMachine) -> None:
    machine.choose_who_heals_last("recovery")
    machine.somebody_writes_garbage("loyalty", b"eve", b"")
    machine.event(b"eve", "points", 1)
    machine.crash()
    machine.paused_and_replaced()


SCHEDULES = [a_stale_row_between_our_own, a_tombstone_from_an_old_memory, a_repair_from_an_old_memory]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_schedule_that_random_ones_rarely_hit(schedule: Callable[[ChangelogMachine], None]) -> None:
    machine = ChangelogMachine()
    schedule(machine)
    machine.teardown()


def test_every_schedule_ends_with_the_truth_in_the_log() -> None:
    run(ChangelogMachine, examples=300)


def _no_patrol(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Worker, "patrol", lambda self: None)


def _holes_go_unseen(patch: pytest.MonkeyPatch) -> None:
    def acknowledged(self: WriteLedger, log: Any, base: int, count: int) -> bool:
        self._entries[log].known_end = max(self._entries[log].known_end, base + count)
        return False

    patch.setattr(WriteLedger, "acknowledged", acknowledged)


def _recovery_overwrites(patch: pytest.MonkeyPatch) -> None:
    overwriting = replace(
        TOY_LOGIC,
        users=replace(TOY_LOGIC.users, supersedes=lambda older, newer: True),
        loyalty=replace(TOY_LOGIC.loyalty, supersedes=lambda older, newer: True),
    )
    patch.setattr(changelog_model, "PartitionFold", lambda _, place: PartitionFold(overwriting, place))


def _recovery_rewrites_nothing(patch: pytest.MonkeyPatch) -> None:
    finish = fold_module._LogFold.finish
    patch.setattr(fold_module._LogFold, "finish", lambda self: finish(self)._replace(rewrite=set()))


def _tombstones_take_all(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(fold_module._LogFold, "restore", lambda self, key: None)


def _tombstones_take_nothing(patch: pytest.MonkeyPatch) -> None:
    forgiving = replace(TOY_LOGIC, is_marker=lambda row: False)
    patch.setattr(changelog_model, "PartitionFold", lambda _, place: PartitionFold(forgiving, place))


def _rows_are_not_reconciled(patch: pytest.MonkeyPatch) -> None:
    careless = replace(TOY_LOGIC, reconcile=lambda users, loyalty: (users, loyalty))
    patch.setattr(changelog_model, "PartitionFold", lambda _, place: PartitionFold(careless, place))


def _heals_in_memory_only(patch: pytest.MonkeyPatch) -> None:
    real = healing.heal

    def heal(logic: Any, table: Any, key: bytes, ours: Any, foreign: Any) -> Healed:
        healed = real(logic, table, key, ours, foreign)
        return healed if healed.pair != ours else healed._replace(rewrite=())

    patch.setattr(changelog_model, "heal", heal)


def _repairs_leave_no_mark(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Findings, "repair", lambda self, key: ())


def _garbage_is_only_passed_over(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(changelog_model.Logs, "bury", lambda self, name, findings: findings.garbage.clear())


def _repairs_end_rows(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(fold_module, "is_repair", lambda record: False)


def _every_key_is_at_home(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(changelog_model, "HOME", Place(0, 1))


def _garbage_stays_where_it_is(patch: pytest.MonkeyPatch) -> None:
    finish = fold_module._LogFold.finish

    def rewrite_rows_only(self: Any) -> Any:
        folded = finish(self)
        return folded._replace(rewrite=folded.rewrite - folded.findings.garbage.keys())

    patch.setattr(fold_module._LogFold, "finish", rewrite_rows_only)


@pytest.mark.parametrize(
    "plant",
    [
        _no_patrol,
        _holes_go_unseen,
        _recovery_overwrites,
        _recovery_rewrites_nothing,
        _tombstones_take_all,
        _tombstones_take_nothing,
        _rows_are_not_reconciled,
        _heals_in_memory_only,
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
    for schedule in SCHEDULES:
        test_a_schedule_that_random_ones_rarely_hit(schedule)
    run(ChangelogMachine, examples=1_000, mutant=True)
