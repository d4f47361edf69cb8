"""The canonical event keeps what its released schema promises, or has another version."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from app.canonical import DATA_SCHEMA
from app.schemas.event_schema import event_schema
from tests.docs.pages import ROOT
from tests.docs.schema_compatibility import breaking_changes, problems, version_of

RELEASED = ROOT / "docs/schemas/released"
Schema = dict[str, Any]


def released() -> dict[int, Schema]:
    schemas = [json.loads(path.read_text("utf-8")) for path in RELEASED.glob("event-*.json")]
    return {version_of(schema): schema for schema in schemas}


def test_the_current_event_breaks_nothing_that_is_released() -> None:
    assert problems(released(), event_schema()) == [], (
        "raise the version in DATA_SCHEMA, or keep what was promised"
    )


def test_each_released_schema_is_in_the_file_of_its_version() -> None:
    found = {path.name for path in RELEASED.iterdir()}
    assert found == {f"event-{version}.json" for version in released()}
    assert released()


def _remove(schema: Schema) -> None:
    del schema["properties"]["recordedtime"]


def _remove_deep(schema: Schema) -> None:
    del schema["$defs"]["Data"]["properties"]["user"]["properties"]["address"]["properties"]["country"]


def _retype(schema: Schema) -> None:
    schema["$defs"]["Score"]["properties"]["delta"]["type"] = "string"


def _retype_by_one_more(schema: Schema) -> None:
    schema["$defs"]["Data"]["properties"]["attributes"]["properties"]["reputation"]["type"] += ["string"]


def _narrow(schema: Schema) -> None:
    schema["properties"]["type"]["enum"].remove("user.flagged")


def _open(schema: Schema) -> None:
    schema["$defs"]["Data"]["properties"]["snapshot"] = {"type": "string"}


def _close(schema: Schema) -> None:
    schema["properties"]["vendor"]["enum"] = ["magine"]


def _make_optional(schema: Schema) -> None:
    schema["required"].remove("source")


def _change_form(schema: Schema) -> None:
    schema["$defs"]["Instant"]["pattern"] = "^.*$"


def _retype_items(schema: Schema) -> None:
    roles = schema["$defs"]["Data"]["properties"]["attributes"]["properties"]["roles"]
    roles["items"] = {"type": "integer"}


def _retype_values(schema: Schema) -> None:
    counters = schema["$defs"]["Data"]["properties"]["attributes"]["properties"]["counters"]
    counters["additionalProperties"] = {"type": "string"}


def _drop_form(schema: Schema) -> None:
    del schema["$defs"]["Data"]["properties"]["attributes"]["properties"]["role"]["anyOf"][0]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_remove, ["$.recordedtime: it is gone"]),
        (_remove_deep, ["$.data.user.address.country: it is gone"]),
        (_retype, ["$.data.score.delta: its type was integer and is string"]),
        (
            _retype_by_one_more,
            ["$.data.attributes.reputation: its type was integer or null and is integer or null or string"],
        ),
        (_narrow, ["$.type: 'user.flagged' is no value any more"]),
        (
            _open,
            [
                "$.data.snapshot: its type was any and is string",
                "$.data.snapshot: it is no closed set any more",
            ],
        ),
        (_close, ["$.vendor: it has become a closed set"]),
        (_make_optional, ["$.source: it is not always there any more"]),
        (_retype_items, ["$.data.attributes.roles[...]: its type was string and is integer"]),
        (_retype_values, ["$.data.attributes.counters[...]: its type was integer and is string"]),
        (_drop_form, ["$.data.attributes.role: its forms have changed"]),
    ],
)
def test_what_breaks_a_reader_is_named(change: Callable[[Schema], None], told: list[str]) -> None:
    old = event_schema()
    new = copy.deepcopy(old)
    change(new)
    assert breaking_changes(old, old) == []
    assert breaking_changes(old, new) == told


def test_a_form_that_many_members_have_is_named_for_each() -> None:
    new = copy.deepcopy(event_schema())
    _change_form(new)
    told = breaking_changes(event_schema(), new)
    assert "$.time: its pattern has changed" in told
    assert "$.data.points.added_at: its pattern has changed" in told


def test_new_members_and_new_values_break_nothing() -> None:
    new = copy.deepcopy(event_schema())
    new["properties"]["more"] = {"type": "string"}
    new["properties"]["type"]["enum"].append("user.merged")
    new["$defs"]["Data"]["properties"]["user"]["properties"]["nickname"] = {"type": "string"}
    assert breaking_changes(event_schema(), new) == []


def test_another_version_may_break_everything_but_must_be_a_later_one() -> None:
    old, new = event_schema(), copy.deepcopy(event_schema())
    _remove(new)
    assert problems({1: old}, new) == ["$.recordedtime: it is gone"]
    assert problems({1: old}, {**new, "$id": "urn:rollcall:user-event:2"}) == []
    assert problems({2: old}, new) == ["$id: version 1 is less than the released 2"]
    assert problems({}, new) == []


def test_a_schema_without_a_version_is_refused() -> None:
    assert version_of({"$id": DATA_SCHEMA}) == version_of(event_schema())
    with pytest.raises(ValueError, match="expected an"):
        version_of({"$id": "urn:rollcall:user-row"})
