"""Random schedules of everything that can happen to a member; the desk is the one that the consumer uses."""

from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from app.lane.desk import PartitionDesk, Pressure
from app.lane.offsets import SliceOrderError
from app.lane.slices import Partition
from tests.lane.broker_model import PARTITIONS, ModelBroker
from tests.lane.desk_model import ModelMember, run_to_rest
from tests.lane.desk_mutants import MUTANTS

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
"""What a worker does all day; anything that is not due is passed over."""


class DeskMachine(RuleBasedStateMachine):
    desk_type: ClassVar[type[PartitionDesk]] = PartitionDesk

    @initialize(assignment=st.sets(one, min_size=1))
    def begin(self, assignment: set[Partition]) -> None:
        self.broker = ModelBroker()
        self.broker.end = dict.fromkeys(PARTITIONS, 20)
        self.assignment = assignment
        self.member = self.new_member()
        self.rebalance_as_far_as_it_goes()

    def new_member(self) -> ModelMember:
        return ModelMember(
            self.broker, self.desk_type(Pressure(slices_per_partition=3, records_per_topic=12))
        )

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
        taken=st.integers(0, 10),
        heard=st.integers(0, 10),
        busy=st.integers(0, 10),
    )
    def rebalance_around_a_fetch(self, assignment: set[Partition], taken: int, heard: int, busy: int) -> None:
        """A whole rebalance. A fetch from before it takes its records and returns at some step of it, and
        at another an agent and the fetch loop try to go on."""
        member = self.member
        member.start_fetch(self.assignment)
        member.revoke()
        self.assignment = assignment
        for step in range(11):
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

    @rule(note=st.sampled_from("ab"))
    def hold(self, note: str) -> None:
        self.member.hold(note)

    @rule(note=st.sampled_from("ab"), limit=few, early=st.booleans())
    def hold_around_a_fetch(self, note: str, limit: int, early: bool) -> None:
        """A fetch that began before the hold returns after it, perhaps even after the release; and so does
        the answer to a commit."""
        member = self.member
        for _ in range(2):
            member.whole_fetch(self.assignment, limit)
        if member.begin():
            member.acknowledge(0)
            member.commit()
        member.start_fetch(self.assignment)
        member.take_records(limit)
        held = member.hold(note)
        if held and early:
            for topic, _ in list(member.desk.held):
                member.release(topic)
        while member.receive() or member.commit_answered():
            pass

    @rule(partition=one)
    def release(self, partition: Partition) -> None:
        self.member.release(partition[0])

    @rule(partition=one, count=few)
    def produce(self, partition: Partition, count: int) -> None:
        self.broker.end[partition] += count

    @rule(partition=one, count=few)
    def others_work(self, partition: Partition, count: int) -> None:
        if self.member.expelled or partition not in self.member.assigned:
            self.broker.work_of_others(partition, count)

    @rule(partition=one, count=few)
    def expire(self, partition: Partition, count: int) -> None:
        """Retention; of records that somebody still needs as well."""
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
        self.broker.excuse(self.member.assigned)
        self.member = self.new_member()

    def teardown(self) -> None:
        run_to_rest(self.member)


DeskMachine.TestCase.settings = settings(max_examples=400, stateful_step_count=15, deadline=None)


class TestDesk(DeskMachine.TestCase):  # type: ignore[valid-type,misc]
    """Nothing lost, skipped, committed early, out of order, handled while held, or repeated by a clean
    revoke; no hold forgotten."""


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_the_machine_finds_a_planted_bug(mutant: type[PartitionDesk]) -> None:
    class Mutated(DeskMachine):
        desk_type = mutant

    few_examples = settings(
        max_examples=3000,  # ends with the first that fails
        stateful_step_count=15,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    with pytest.raises((AssertionError, KeyError, SliceOrderError)):
        run_state_machine_as_test(Mutated, settings=few_examples)
