"""What is said of pauses: an operator's words, and the known reasons, but no other text that is committed."""

import pytest

from app.engine import Partition
from app.errors import PauseRefused
from app.pause_reasons import LONGEST, by_operator, is_by_operator, pause_problems, shown_reasons

MANY_DEAD = "too many of its latest records are dead"


def partitions(*reasons: str) -> dict[Partition, str]:
    return {("t", number): reason for number, reason in enumerate(reasons)}


@pytest.mark.parametrize("words", ["", "a move", "50% : of it", "\N{SNOWMAN}" * LONGEST])
def test_an_operators_reason_is_known_again(words: str) -> None:
    assert is_by_operator(by_operator(words))
    assert by_operator(f" {words} ") == by_operator(words)
    assert words in by_operator(words)


@pytest.mark.parametrize("words", ["two\nlines", "\N{RIGHT-TO-LEFT OVERRIDE}x", "x" * (LONGEST + 1)])
def test_what_is_no_short_line_is_no_reason(words: str) -> None:
    assert not is_by_operator(f"by an operator: {words}")
    with pytest.raises(PauseRefused):
        by_operator(words)


@pytest.mark.parametrize(
    "text", ["", "by an operator: ", "by an operator:x", "by an operators", "dead", "by"]
)
def test_another_text_is_no_operators_reason(text: str) -> None:
    assert not is_by_operator(text)


def test_each_kind_of_pause_is_said_once() -> None:
    paused = partitions(
        *(
            "5 attempts died at offset 7",
            "by an operator",
            "by an operator: a move",
            "by an operator: a move",
        ),
        *("dead letters up to 0/9", "dead letters up to 1/9", "somebody's text", "held by nobody's commit"),
    )
    withheld = {("t", 7): "a row of a later version", ("t", 9): "of another topic"}
    assert pause_problems("magine", paused, withheld) == [
        "magine is paused in partition 0: 5 attempts died at offset 7",
        "magine is paused in partition 7: a row of a later version",
        "magine is paused by an operator",
        "magine is paused by an operator: a move",
        f"magine is paused: {MANY_DEAD}",
    ]
    assert list(shown_reasons(paused, withheld).values()) == [
        *(
            "5 attempts died at offset 7",
            "by an operator",
            "by an operator: a move",
            "by an operator: a move",
        ),
        *(MANY_DEAD, MANY_DEAD, MANY_DEAD, "a row of a later version"),
    ]
    assert pause_problems("magine", partitions("by an operator"), {}) == ["magine is paused by an operator"]
    assert pause_problems("magine", {}, {}) == []
