"""Counts of lines, and the numbers of those that were refused."""

from app.outcome import Dead, Skip
from app.tools.exports.import_tally import ImportTally
from tests.operator_tools.exports import EXPORTED, converter, line

OBJECT = Dead("schema", "$: expected an object")


def test_lines_are_counted_by_outcome() -> None:
    tally, fynd = ImportTally(), EXPORTED["fynd"]
    for number, value in enumerate(
        (
            fynd.user("1", "ada", 5),
            fynd.user("2", "bo", 5) | {"archive": True},
            fynd.user("3", "cy", 5) | {"gender": 7},
        ),
        1,
    ):
        tally.add(number, converter("fynd").convert(line(value), number))
    tally.add(4, Skip("ping"))
    for number in range(5, 17):
        tally.add(number, OBJECT)
    tally.refuse(3, Dead("too_large", "its canonical event: the broker answers X"))
    assert (tally.lines, tally.snapshots, tally.deletions, tally.refusals) == (16, 2, 1, 13)
    assert tally.told() == [
        "skipped 1: ping",
        "refused 12: schema, $: expected an object (line 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, ...)",
        "refused 1: too_large, its canonical event: the broker answers X (line 3)",
        "left out: gender 1",
    ]
    told = tally.as_json()
    assert told["refused"] == {"schema": 12, "too_large": 1}
    assert told["refused_lines"][0] == {
        "reason": "schema",
        "detail": "$: expected an object",
        "count": 12,
        "lines": list(range(5, 15)),
    }


def test_without_anything_odd_nothing_is_told() -> None:
    assert ImportTally().told() == []
