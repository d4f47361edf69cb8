"""Random schedules of everything that can happen to a member, with the consumer's own `AssignmentState`."""

from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from app.engine.consumer.assignment import AssignmentState
from app.engine.consumer.attempts import Attempts
from app.engine.consumer.backpressure import BackpressureLimits
from app.engine.slices import Partition
from tests.engine.consumer.assignment_model import ModelMember, run_to_rest
from tests.engine.consumer.broker_model import PARTITIONS, ModelBroker

one = st.sampled_from(PARTITIONS)
few = st.integers(1, 4)

ORDINARY = (
    "start_fetch",
    "take_records",
    "receive",
    "receive",
    "rewind",
    "begin",
    "begin",
    "acknowledge",
    "commit",
    "commit_answered",
    "advance",
    "advance",
    "whole_fetch",
    "whole_fetch",
    "begin_all",
)
"""What a worker does all the time. A step that is not due does nothing."""

_STEPS = 18
"""The steps of a rebalance, from the revoke to the open gate, with two turns of the restore."""


class AssignmentMachine(RuleBasedStateMachine):
    state_type: ClassVar[type[AssignmentState]] = AssignmentState
    attempts_type: ClassVar[type[Attempts]] = Attempts
    member_type: ClassVar[type[ModelMember]] = ModelMember

    @initialize(assignment=st.sets(one, min_size=1), hidden=st.sets(st.integers(0, 19)))
    def begin(self, assignment: set[Partition], hidden: set[int], end: int = 20) -> None:
        self.broker = ModelBroker()
        self.broker.end = dict.fromkeys(PARTITIONS, end)
        hidden = {offset for offset in hidden if offset < end}
        self.broker.hidden = {(partition, offset) for partition in PARTITIONS for offset in hidden}
        self.assignment = assignment
        self.member = self.new_member()
        self.rebalance_as_far_as_it_goes()

    def new_member(self) -> ModelMember:
        state = self.state_type(BackpressureLimits(slices_per_partition=3, records_per_topic=12))
        state.attempts = self.attempts_type(span=4)
        return self.member_type(self.broker, state)

    def ordinary(self, step: str, number: int) -> None:
        member = self.member
        match step:
            case "start_fetch":
                member.start_fetch(self.assignment)
            case "take_records":
                member.take_records(number)
            case "acknowledge":
                member.acknowledge(number)
            case "advance":
                member.advance(self.assignment)
            case "whole_fetch":
                member.whole_fetch(self.assignment, number)
            case _:
                getattr(member, step)()
        if member.dead:
            self.crash()

    @rule(steps=st.lists(st.tuples(st.sampled_from(ORDINARY), few), min_size=20, max_size=60))
    def work(self, steps: list[tuple[str, int]]) -> None:
        for step, number in steps:
            self.ordinary(step, number)

    @rule(step=st.sampled_from(ORDINARY), number=few)
    def one_step(self, step: str, number: int) -> None:
        self.ordinary(step, number)

    @rule()
    def rebalance_as_far_as_it_goes(self) -> None:
        while self.member.advance(self.assignment):
            pass

    @rule(assignment=st.sets(one, min_size=1))
    def revoke(self, assignment: set[Partition]) -> None:
        self.member.revoke()
        self.assignment = assignment

    @rule(
        assignment=st.sets(one, min_size=1),
        taken=st.integers(0, _STEPS - 1),
        heard=st.integers(0, _STEPS - 1),
        busy=st.integers(0, _STEPS - 1),
    )
    def rebalance_around_a_fetch(self, assignment: set[Partition], taken: int, heard: int, busy: int) -> None:
        """Plays a whole rebalance. A fetch that began before it takes its records and returns at some step of
        it. At another step an agent and the fetch loop try to go on."""
        member = self.member
        member.start_fetch(self.assignment)
        member.revoke()
        self.assignment = assignment
        for step in range(_STEPS):
            if step == taken:
                member.take_records(3)
            while step >= heard and member.receive():
                pass
            while member.acknowledge(0) or member.commit_answered():
                pass
            if step == busy:
                member.begin_all()
                member.whole_fetch(assignment, 2)
            member.advance(assignment)

    @rule(reason=st.sampled_from("ab"), handled=st.integers(0, 3))
    def pause(self, reason: str, handled: int) -> None:
        self.member.pause(reason, handled)

    @rule(partition=one)
    def pause_topic(self, partition: Partition) -> None:
        self.member.pause_topic(partition[0], "operator")

    @rule(
        reason=st.sampled_from("ab"),
        limit=few,
        early=st.booleans(),
        handled=st.integers(0, 3),
        whole=st.sampled_from(["source", "other", None]),
    )
    def pause_around_a_fetch(
        self, reason: str, limit: int, early: bool, handled: int, whole: str | None
    ) -> None:
        """Plays a pause, by an agent or of a topic. A fetch that began before it returns after it, perhaps
        even after the resumption, and so does the answer to a commit."""
        member = self.member
        for _ in range(2):
            member.whole_fetch(self.assignment, limit)
        if member.begin():
            member.acknowledge(0)
            member.commit()
        member.start_fetch(self.assignment)
        member.take_records(limit)
        paused = member.pause_topic(whole, reason) if whole else member.pause(reason, handled)
        if paused and early:
            for topic, _ in list(member.assignment_state.paused.reasons):
                member.resume(topic)
        while member.receive() or member.commit_answered():
            pass

    @rule(partition=one)
    def resume(self, partition: Partition) -> None:
        self.member.resume(partition[0])

    @rule(partition=one, count=few, hidden=st.booleans())
    def produce(self, partition: Partition, count: int, hidden: bool) -> None:
        """Writes records, or what holds none for a reader: an aborted transaction, a control record."""
        end = self.broker.end[partition]
        self.broker.end[partition] = end + count
        if hidden:
            self.broker.hidden |= {(partition, offset) for offset in range(end, end + count)}

    @rule(partition=one, count=few)
    def others_work(self, partition: Partition, count: int) -> None:
        if self.member.expelled or partition not in self.member.assigned:
            self.broker.work_of_others(partition, count)

    @rule(partition=one, count=few)
    def expire(self, partition: Partition, count: int) -> None:
        """Removes the oldest records, as retention does, even if somebody still needs them."""
        broker = self.broker
        broker.start[partition] = min(broker.start[partition] + count, broker.end[partition])

    @rule(limit=few)
    def lose_a_fetch(self, limit: int) -> None:
        self.member.start_fetch(self.assignment)
        self.member.take_records(limit)
        self.member.lose_fetch()

    @rule()
    def expel(self) -> None:
        self.member.expel()

    @rule()
    def crash(self) -> None:
        self.member.die()
        self.member = self.new_member()

    @rule(partition=one, ahead=st.integers(0, 8))
    def poison(self, partition: Partition, ahead: int) -> None:
        """Makes a record end each worker that handles it."""
        offset = self.broker.next_offset(partition) + ahead
        if len(self.broker.poison) < 2 and not self.broker.handled[partition, offset]:
            self.broker.poison.add((partition, offset))

    @rule(times=st.integers(1, 6))
    def work_and_die(self, times: int) -> None:
        """Plays workers that work until they die, or have done all."""
        for _ in range(times):
            for _ in range(30):
                self.rebalance_as_far_as_it_goes()
                self.member.whole_fetch(self.assignment, 3)
                self.member.begin_all()
                while not self.member.dead and self.member.acknowledge(0):
                    pass
                if self.member.dead:
                    break
                self.member.commit_now()
            self.crash()

    def teardown(self) -> None:
        run_to_rest(self.member, self.new_member)


AssignmentMachine.TestCase.settings = settings(max_examples=400, stateful_step_count=15)


@pytest.mark.untraced
class TestAssignmentState(AssignmentMachine.TestCase):  # type: ignore[valid-type,misc]
    """Nothing lost, skipped, committed early, out of order, handled while paused, or repeated by a clean
    revoke; no pause forgotten; no gap seen where there is none, and no lag at the end."""
