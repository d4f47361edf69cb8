"""What a worker does with the answers of its group's coordinator."""

import pytest
from aiokafka import errors
from aiokafka.errors import KafkaError

from app.engine.aiokafka_patches import FencedInstanceIdError, GroupMaxSizeReachedError
from app.engine.consumer.coordinator_watch import (
    RETRY_SECONDS,
    CoordinatorWatch,
    Step,
    answer_of,
    can_go_away,
)

SESSION = 10.0
PATIENCE = SESSION + RETRY_SECONDS


def watch() -> CoordinatorWatch:
    return CoordinatorWatch("g", SESSION)


def wrapped(answer: BaseException) -> KafkaError:
    """Returns the answer as aiokafka raises most of them."""
    return KafkaError(repr(answer))


FULL = wrapped(GroupMaxSizeReachedError())
RIGHT = errors.GroupAuthorizationFailedError("g")

WAITED_FOR = {
    "right": (RIGHT, "not authorized to read group g"),
    "full": (FULL, "group g is full"),
    "protocol": (errors.InconsistentGroupProtocolError(), "group g has members that are no workers"),
    "new protocol": (wrapped(errors.UnknownError()), "group.protocol=consumer"),
    "moved": (errors.NotCoordinatorForGroupError(), "answers NotCoordinatorForGroupError"),
    "loading": (wrapped(errors.GroupLoadInProgressError()), "answers GroupLoadInProgressError"),
}


@pytest.mark.parametrize("kind", WAITED_FOR)
def test_what_can_go_away_is_said_once(kind: str) -> None:
    problem, text = WAITED_FOR[kind]
    seen = watch()
    step, line = seen.refused(problem)
    assert step is Step.WAIT
    assert line is not None
    assert text in line
    assert seen.problem == line
    assert seen.refused(problem) == (Step.WAIT, None)
    assert can_go_away(problem)


def test_causes_that_take_turns_are_said_once_each() -> None:
    seen = watch()
    lines = [seen.refused(problem).line for problem in (FULL, RIGHT, FULL, RIGHT)]
    assert [line is not None for line in lines] == [True, True, False, False]
    assert seen.problem == lines[1]


def test_what_has_gone_away_and_comes_back_is_said_again() -> None:
    seen = watch()
    line = seen.refused(FULL).line
    seen.assigned()
    assert [seen.problem, seen.answered()] == [line, True]
    assert [seen.problem, seen.answered()] == [None, False]
    assert seen.refused(FULL).line


def test_a_member_that_is_refused_after_each_assignment_is_not_in_its_group() -> None:
    seen = watch()
    lines = []
    for _ in range(3):
        seen.assigned()
        lines.append(seen.refused(RIGHT).line)
        assert not seen.answered()
        seen.revoked()
        assert not seen.answered()
    assert [line is not None for line in lines] == [True, False, False]


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (errors.InvalidSessionTimeoutError(), "the session timeout of 10 s (SESSION_TIMEOUT)"),
        (errors.InvalidGroupIdError(), "the group's name g (APP_ID)"),
    ],
)
def test_a_setting_that_no_restart_cures(problem: KafkaError, text: str) -> None:
    step, line = watch().refused(problem)
    assert step is Step.REFUSE
    assert text in (line or "")


@pytest.mark.parametrize(
    ("problem", "name"),
    [
        (
            KafkaError("Unexpected exception in heartbeat task: FencedLeaderEpochError()"),
            "FencedLeaderEpochError",
        ),
        (KafkaError(repr(ValueError("s3nt1nel("))), "ValueError"),
        (KafkaError("s3nt1nel"), "KafkaError"),
        (errors.UnsupportedVersionError(), "UnsupportedVersionError"),
    ],
)
def test_any_other_answer_ends_the_worker_with_its_name(problem: KafkaError, name: str) -> None:
    assert watch().refused(problem) == (Step.END, f"the coordinator of group g answers {name}")
    assert not can_go_away(problem)


@pytest.mark.parametrize("problem", [FencedInstanceIdError(), wrapped(FencedInstanceIdError())])
def test_a_member_that_was_replaced_ends_and_names_the_setting(problem: KafkaError) -> None:
    step, line = CoordinatorWatch("g", SESSION, "pod-2").refused(problem)
    assert step is Step.END
    assert "another worker has joined group g with the same GROUP_INSTANCE_ID (pod-2)" in (line or "")
    assert not can_go_away(problem)


def test_an_answer_of_its_own_class_is_not_taken_from_its_text() -> None:
    assert (
        answer_of(errors.GroupAuthorizationFailedError("UnknownError()")) == "GroupAuthorizationFailedError"
    )


def look(seen: CoordinatorWatch, now: float, *, known: bool = False, silent: float = 0.0) -> str | None:
    return seen.look(now, known=known, metadata_at=now - silent)


def test_a_coordinator_that_no_broker_names_is_said_once() -> None:
    seen = watch()
    lines = [look(seen, second) for second in range(30)]
    assert [second for second, line in enumerate(lines) if line] == [PATIENCE + 1]
    assert "no broker coordinates group g" in (seen.problem or "")
    assert look(seen, 31.0, known=True) is None
    assert seen.problem is None
    assert [line for second in range(40, 70) if (line := look(seen, second))]


def test_while_no_broker_answers_nothing_is_said_of_the_coordinator() -> None:
    seen = watch()
    assert [look(seen, second, silent=SESSION + 1) for second in range(30)] == [None] * 30
    assert seen.problem is None


def test_a_lookup_that_is_refused_again_and_again_is_not_taken_for_unanswered() -> None:
    seen = watch()
    for second in range(60):
        if second % RETRY_SECONDS == 0:
            seen.refused(RIGHT)
        assert look(seen, second) is None
    assert "not authorized" in (seen.problem or "")


def test_a_coordinator_that_is_known_does_not_end_what_it_says() -> None:
    seen = watch()
    seen.refused(FULL)
    look(seen, 1.0, known=True)
    assert seen.problem
