"""Versions of `AssignmentState` with planted bugs: the machine of random schedules finds each of them."""

from itertools import product

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule, run_state_machine_as_test

from app.engine.consumer.assignment import AssignmentState
from app.engine.consumer.attempts import Attempts
from app.engine.consumer.offset_tracker import SliceOrderError
from app.engine.slices import Partition
from tests.engine.consumer.assignment_model import ModelMember
from tests.engine.consumer.assignment_mutants import MEMBER_MUTANTS, MUTANTS
from tests.engine.consumer.attempts_mutants import ATTEMPTS_MUTANTS
from tests.engine.consumer.test_assignment_machine import _STEPS, ORDINARY, AssignmentMachine, one

# Each search ends with the first schedule that finds its bug, which may be the thousandth.
pytestmark = [pytest.mark.thorough, pytest.mark.untraced]

NUMBERED = tuple(product(ORDINARY, range(1, 5)))
moment = st.integers(0, _STEPS - 1)


class SearchMachine(AssignmentMachine):
    """The same machine with schedules that find bugs sooner: short logs, whose ends are reached more often,
    several rebalances in a row, and steps that cost half as many draws."""

    @initialize(
        assignment=st.sets(one, min_size=1), hidden=st.sets(st.integers(0, 19)), end=st.integers(4, 20)
    )
    def begin(self, assignment: set[Partition], hidden: set[int], end: int = 20) -> None:
        super().begin(assignment, hidden, end)

    @rule(steps=st.lists(st.sampled_from(NUMBERED), min_size=20, max_size=60))
    def work(self, steps: list[tuple[str, int]]) -> None:
        super().work(steps)

    @rule(
        assignment=st.sets(one, min_size=1),
        moments=st.lists(st.tuples(moment, moment, moment), min_size=1, max_size=5),
    )
    def rebalances_around_fetches(
        self, assignment: set[Partition], moments: list[tuple[int, int, int]]
    ) -> None:
        for taken, heard, busy in moments:
            self.rebalance_around_a_fetch(assignment, taken, heard, busy)


@pytest.mark.parametrize("mutant", [*MUTANTS, *MEMBER_MUTANTS], ids=lambda mutant: mutant.__name__)
def test_the_machine_finds_a_planted_bug(mutant: type[AssignmentState] | type[ModelMember]) -> None:
    class Mutated(SearchMachine):
        state_type = mutant if issubclass(mutant, AssignmentState) else AssignmentState
        member_type = mutant if issubclass(mutant, ModelMember) else ModelMember

    find_a_bug(Mutated)


@pytest.mark.parametrize("mutant", ATTEMPTS_MUTANTS, ids=lambda mutant: mutant.__name__)
def test_the_machine_finds_a_planted_bug_of_attempts(mutant: type[Attempts]) -> None:
    class Mutated(SearchMachine):
        attempts_type = mutant

    find_a_bug(Mutated)


def find_a_bug(mutated: type[SearchMachine]) -> None:
    few_examples = settings(
        max_examples=3000,  # it ends with the first example that fails
        stateful_step_count=15,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    with pytest.raises((AssertionError, KeyError, SliceOrderError)):
        run_state_machine_as_test(mutated, settings=few_examples)
