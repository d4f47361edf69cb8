"""The schema of a vendor's bodies says what the mapper does with them: of every fixture, and of fixtures in
which one member is changed."""

import copy
import json
from collections.abc import Iterator
from typing import Any, Final

import pytest
from msgspec.structs import replace

from app.outcome import Dead, Emit, Outcome, Skip
from app.vendors import VENDORS, convert
from tests.schemas.validation import Judged, accepts, judged, paths

# What is dead although the schema accepts it, with the reason why no schema can say so.
NOT_SAID: Final[dict[str, str]] = {
    "magine/a-day-that-does-not-exist-is-unusable": "no pattern knows the calendar",
    "magine/a-decimal-id-is-unusable": "10.0 is an integer of JSON Schema",
    "amity/a-decimal-id-is-dead": "10.0 is an integer of JSON Schema",
}
# What the mapper does not always look at, and the schema describes all the same: the row's time and Fynd's
# time of the event, if the other one counts, and in the user of before all but the claims.
NOT_READ: Final = {"updatedAt", "created_timestamp", "previousData"}

_GONE: Final = object()
_OTHER_VALUES: Final[tuple[Any, ...]] = (_GONE, None, True, 7, "x", "", [], {})


def is_dead_for_its_shape(outcome: Outcome) -> bool:
    return isinstance(outcome, Dead) and outcome.reason in ("schema", "unknown_event")


def not_left_out(vendor: str, body: Any, left_out: tuple[str, ...]) -> list[tuple[str | int, ...]]:
    """Returns where the body breaks the schema, but for the members that the event lacks for this reason
    and those that the mapper does not look at."""
    return [path for path in paths(f"{vendor}-body", body) if not set(path) & {*left_out, *NOT_READ}]


@pytest.mark.parametrize("vendor", VENDORS)
def test_what_is_emitted_whole_is_valid_and_else_the_event_lacks_what_is_not(vendor: str) -> None:
    emitted = 0
    for each in judged(vendor):
        if isinstance(each.outcome, Emit):
            emitted += 1
            assert not_left_out(vendor, each.body, each.outcome.left_out) == [], each.fixture.sentence
    assert emitted > 20


@pytest.mark.parametrize("vendor", VENDORS)
def test_what_is_dead_for_its_shape_or_its_name_is_invalid(vendor: str) -> None:
    dead = [each for each in judged(vendor) if is_dead_for_its_shape(each.outcome)]
    accepted = {f"{vendor}/{it.fixture.sentence}" for it in dead if accepts(f"{vendor}-body", it.body)}
    assert accepted == {name for name in NOT_SAID if name.startswith(f"{vendor}/")}
    assert len(dead) > 10


@pytest.mark.parametrize("vendor", VENDORS)
def test_only_mapped_events_are_valid(vendor: str) -> None:
    for each in judged(vendor):
        if isinstance(each.outcome, Skip):
            assert accepts(f"{vendor}-body", each.body) is (each.outcome.reason == "no_users")


def size(each: Judged) -> int:
    return len(each.fixture.value or b"")


def richest(vendor: str) -> list[Judged]:
    """Returns the largest body of each event that becomes an event whole."""
    best: dict[str, Judged] = {}
    for each in judged(vendor):
        if isinstance(each.outcome, Emit) and not each.outcome.left_out and size(each) < 4000:
            name = str(each.outcome.events[0].vendortype)
            if name not in best or size(each) > size(best[name]):
                best[name] = each
    return list(best.values())


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yields the paths of all members, and of the first element of each list."""
    members = dict(enumerate(value[:1])) if isinstance(value, list) else value
    for name, member in members.items() if isinstance(members, dict) else ():
        yield (*path, name)
        yield from places(member, (*path, name))


def changed(body: Any, path: tuple[str | int, ...], value: Any) -> Any:
    """Returns the body with another value at the path."""
    copied = copy.deepcopy(body)
    holder = copied
    for step in path[:-1]:
        holder = holder[step]
    if value is _GONE:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return copied


def shape_of(vendor: str, name: str) -> type:
    """Returns the struct that reads the bodies of an event."""
    for shape in VENDORS[vendor].shapes:
        if shape.__struct_config__.tag == name:
            return shape.__bases__[0]
    return VENDORS[vendor].shapes[0]


def changed_bodies(vendor: str) -> Iterator[tuple[Judged, Any, tuple[str, ...]]]:
    """Yields bodies of which one member has another value: each member of each shape with each value."""
    seen = set[tuple[Any, ...]]()
    for each in richest(vendor):
        assert isinstance(each.outcome, Emit)
        shape = shape_of(vendor, str(each.outcome.events[0].vendortype))
        for path in places(each.body):
            if (shape, *path) not in seen:
                seen.add((shape, *path))
                for value in _OTHER_VALUES:
                    told = "gone" if value is _GONE else type(value).__name__
                    yield each, changed(each.body, path, value), (*map(str, path), told)


@pytest.mark.thorough
@pytest.mark.parametrize("vendor", VENDORS)
def test_schema_and_mapper_agree_on_a_body_in_which_one_member_is_changed(vendor: str) -> None:
    wrong, asked = list[tuple[str, ...]](), 0
    for each, body, change in changed_bodies(vendor):
        fixture = replace(each.fixture, value=json.dumps(body).encode())
        outcome = convert(VENDORS[vendor], fixture, fixture.partition, fixture.options)
        asked += 1
        if accepts(f"{vendor}-body", body):
            if is_dead_for_its_shape(outcome):
                wrong.append(("dead, but valid", *change))
        elif isinstance(outcome, Emit) and not_left_out(vendor, body, outcome.left_out):
            wrong.append(("emitted, but invalid", *change))
    assert wrong == []
    assert asked > 100
