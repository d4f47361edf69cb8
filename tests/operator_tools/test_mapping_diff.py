"""The differences between two outcomes of a record, in numbers."""

import json
from typing import Any

import msgspec

from app.tools.mappings.mapping_diff import MappingDiff
from app.tools.mappings.mapping_process import OutcomeText


def emit(*events: Any) -> OutcomeText:
    return OutcomeText("emit", events=tuple(json.dumps(event).encode() for event in events))


def an_event(**user: Any) -> dict[str, Any]:
    return {"type": "user.updated", "data": {"user": {"sub": "7", **user}, "attributes": {"tags": [1]}}}


DEAD = OutcomeText("dead", "schema", "$.id: expected str")
SKIP = OutcomeText("skip", "ping")


def test_equal_outcomes_are_counted_by_outcome() -> None:
    diff = MappingDiff()
    for outcome in (emit(an_event()), emit(an_event()), DEAD, SKIP):
        diff.add("t/0/0", outcome, outcome)
    assert diff.lines(values=True) == ["4 records, 0 of them differ"]
    assert diff.members(values=False)["same"] == {"dead schema": 1, "emit": 2, "skip ping": 1}


def test_other_outcomes_are_counted_in_pairs() -> None:
    diff = MappingDiff()
    for offset in range(5):
        diff.add(f"t/0/{offset}", DEAD, emit(an_event()))
    diff.add("t/1/0", emit(an_event()), SKIP)
    assert diff.lines(values=False) == [
        "6 records, 6 of them differ",
        "  dead schema -> emit: 5, for example t/0/0",
        "  emit -> skip ping: 1, for example t/1/0",
    ]
    assert diff.members(values=False)["outcomes"][0] == {
        "against": "dead schema",
        "installed": "emit",
        "records": 5,
        "examples": ["t/0/0", "t/0/1", "t/0/2"],
    }


def test_members_are_counted_by_their_path() -> None:
    diff = MappingDiff()
    diff.add("t/0/0", emit(an_event(name="Ann", age=1)), emit(an_event(email="a@b", age=True)))
    address = {"address": {"country": "CH", "locality": "Bern"}}
    diff.add("t/0/1", emit(an_event(**address)), emit(an_event(address={"country": "DE"})))
    diff.add("t/0/2", emit(an_event()), emit(an_event(), an_event()))
    diff.add("t/0/3", DEAD, DEAD._replace(detail="$"))
    assert diff.lines(values=False) == [
        "4 records, 4 of them differ",
        "  data.user.address.country: changed 1",
        "  data.user.address.locality: removed 1",
        "  data.user.age: changed 1",
        "  data.user.email: added 1",
        "  data.user.name: removed 1",
        "  detail: changed 1",
        "  events: changed 1",
    ]


def test_values_are_shown_only_if_they_are_asked_for() -> None:
    diff = MappingDiff()
    for offset in range(5):
        diff.add(f"t/0/{offset}", emit(an_event(name="Ann")), emit(an_event(name=None, age=3)))
    for text in ("\n".join(diff.lines(values=False)), str(diff.members(values=False))):
        assert "Ann" not in text
    assert diff.lines(values=True)[1:] == [
        "  data.user.age: added 5",
        *(f"    t/0/{offset}: absent -> 3" for offset in range(3)),
        "  data.user.name: changed 5",
        *(f'    t/0/{offset}: "Ann" -> null' for offset in range(3)),
    ]
    shown = json.loads(msgspec.json.encode(diff.members(values=True)))["fields"]
    assert shown[0]["examples"][0] == {"position": "t/0/0", "installed": 3}
    assert shown[1]["examples"][0] == {"position": "t/0/0", "against": "Ann", "installed": None}


def test_names_that_a_body_may_have_chosen_are_not_shown() -> None:
    old, new = an_event(), an_event()
    old["data"]["attributes"]["metadata"] = {"secret": 1}
    new["data"]["attributes"]["metadata"] = {"secret": 2}
    diff = MappingDiff()
    diff.add("t/0/0", emit(old), emit(new))
    assert diff.lines(values=False)[1:] == ["  data.attributes.metadata: changed 1"]
