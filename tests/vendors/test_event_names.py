"""The check of an event's name, which comes before the check of the body's shape."""

import json
from typing import Any

import pytest
from msgspec import UNSET, Struct, field

from app.vendors.event_names import EventNames, dotted_families_but
from app.vendors.model import Invalid, Message, Skipped
from app.vendors.tolerant_reader import NotJson, TolerantReader


class Event(Struct, rename="camel"):
    event_kind: Any = UNSET


class Body(Struct):
    flat: Any = UNSET
    deep: Event | None = None
    size: int | None = None


BODY = TolerantReader(Body)
FLAT = EventNames("$.flat", {"made": "user.created"})
DEEP = EventNames("$.deep.eventKind", {"made": "user.created"})
EVERY_WAY = [
    (FLAT, b'{"flat":"made","size":1}'),
    (FLAT, b'{"flat":"made","size":"x"}'),
    (DEEP, b'{"deep":{"eventKind":"made"},"size":1}'),
    (DEEP, b'{"deep":{"eventKind":"made"},"size":"x"}'),
]


def message(body: bytes) -> Message:
    return Message(body, {}, "", [])


@pytest.mark.parametrize(("names", "body"), EVERY_WAY)
def test_a_mapped_name_comes_with_its_type_and_the_body(names: EventNames, body: bytes) -> None:
    given = message(body)
    name, event_type, found = names.read(given, BODY)
    assert (name, event_type) == ("made", "user.created") == names.read_name(given)
    assert found.size == (None if b'"x"' in body else 1)
    assert given.left_out == (["size"] if b'"x"' in body else [])


@pytest.mark.parametrize(
    ("names", "body", "path"),
    [
        (FLAT, b"{}", "$.flat"),
        (FLAT, b'{"flat":null,"size":"x"}', "$.flat"),
        (DEEP, b"{}", "$.deep.eventKind"),
        (DEEP, b'{"deep":null}', "$.deep.eventKind"),
        (DEEP, b'{"deep":5}', "$.deep.eventKind"),
        (DEEP, b'{"deep":{"eventKind":7}}', "$.deep.eventKind"),
    ],
)
def test_a_name_that_is_missing_is_told_by_its_whole_path(names: EventNames, body: bytes, path: str) -> None:
    for read in (lambda it: names.read(it, BODY), names.read_name):
        with pytest.raises(Invalid) as found:
            read(message(body))
        assert (found.value.reason, found.value.detail) == ("schema", f"{path}: expected str")


@pytest.mark.parametrize("path", ["$.event-type", "$.class", "$.class.event-type"])
def test_a_path_may_have_members_that_are_no_names_of_python(path: str) -> None:
    body: object = "made"
    for member in reversed(path.split(".")[1:]):
        body = {member: body}
    names = EventNames(path, {"made": "user.created"})
    assert names.read_name(message(json.dumps(body).encode())) == ("made", "user.created")


def test_the_name_is_judged_before_the_shape() -> None:
    with pytest.raises(Skipped):
        FLAT.read(message(b'{"flat":"a.b","size":1e999}'), BODY)
    with pytest.raises(Invalid, match=r"^\$\.flat: expected a documented event name$"):
        FLAT.read(message(b'{"flat":"user.lost","size":1e999}'), BODY)
    with pytest.raises(NotJson):
        FLAT.read(message(b'{"flat":"made","size":1e999}'), BODY)


def test_what_nobody_documented_of_the_own_family_is_dead() -> None:
    names = EventNames(
        "$.flat",
        {"member.made": "user.created"},
        other_names=["member.printed"],
        other_families=dotted_families_but("member"),
    )
    for name in ("user.made", "member.printed"):
        with pytest.raises(Skipped):
            names.read_name(message(b'{"flat":"%s"}' % name.encode()))
    for name in ("member.lost", "Member.made"):
        with pytest.raises(Invalid):
            names.read_name(message(b'{"flat":"%s"}' % name.encode()))


def test_a_vendor_may_have_a_rule_of_its_own_for_other_families() -> None:
    shouted = EventNames("$.flat", {}, other_families=str.isupper)
    with pytest.raises(Skipped):
        shouted.read_name(message(b'{"flat":"PING"}'))
    with pytest.raises(Invalid):
        shouted.read_name(message(b'{"flat":"a.b"}'))


@pytest.mark.parametrize("path", ["$.kind", "$.deep.kind", "$.size.kind"])
def test_a_shape_without_the_name_is_a_mistake_of_the_mapper(path: str) -> None:
    with pytest.raises(TypeError, match="Body has no field 'kind', where the name of the event is"):
        EventNames(path, {}).read(message(b'{"flat":"made"}'), BODY)


def test_two_shapes_are_read_by_turns() -> None:
    class Other(Struct):
        title: Any = field(default=UNSET, name="flat")
        deep: int | None = None

    other = TolerantReader(Other)
    for _ in range(2):
        assert FLAT.read(message(b'{"flat":"made","deep":5}'), other)[2].deep == 5
        assert FLAT.read(message(b'{"flat":"made","deep":{}}'), BODY)[2].deep == Event()


def test_a_field_that_is_read_has_a_default() -> None:
    class Part(Struct):
        size: int

    class Whole(Struct):
        parts: list[Part | None] | None = None

    for shape in (Part, Whole):
        with pytest.raises(TypeError, match=r"^Part\.size: a field that is read needs a default$"):
            TolerantReader(shape)
