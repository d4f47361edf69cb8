"""Bodies whose shape depends on the name of their event, and the two ways in which they are read."""

from collections.abc import Iterable
from random import Random
from typing import Any

import pytest
from msgspec import Struct

from app.canonical import Data, Event, encode_event
from app.new_event import NewData, NewEvent
from app.outcome import Emit, Outcome, Skip
from app.vendors import VENDORS, InputRecord, Options, convert
from app.vendors.event_bodies import LONGEST_KEPT, OTHERS_KEPT, EventBodies
from app.vendors.event_names import EventNames
from app.vendors.model import Invalid, Message, Skipped
from app.vendors.tolerant_reader import NotJson
from tests.tools.bench.bodies import bodies
from tests.tools.fuzz.inputs import record_input
from tests.vendors.fixtures import fixtures_of
from tests.vendors.plain_pass import plain_pass
from tests.vendors.records import NOON, Given

NAMES = EventNames("$.type", {"made": "user.created", "sold": "user.updated"})
FUZZED = 1500


class Made(Struct):
    size: int | None = None


class Sold(Struct):
    price: int | None = None
    size: str | None = None


BODIES = EventBodies[Made | Sold](NAMES, {"made": Made, "sold": Sold})


def message(body: bytes) -> Message:
    return Message(body, {}, "", [])


@pytest.mark.parametrize(
    ("body", "name", "shape", "left_out"),
    [
        (b'{"type":"made","size":1}', "made", Made, []),
        (b'{"size":"S","price":2,"type":"sold"}', "sold", Sold, []),
        (b'{"type":"sold","size":1}', "sold", Sold, ["size"]),
        (b'{"type":"sold","type":"made","size":1}', "made", Made, []),
        (b'{"t\\u0079pe":"made","size":[]}', "made", Made, ["size"]),
    ],
)
def test_the_name_chooses_the_shape(body: bytes, name: str, shape: type, left_out: list[str]) -> None:
    for read in (BODIES.read, BODIES.read_plainly):
        given = message(body)
        found, event_type, read_body = read(given)
        assert (found, event_type) == (name, NAMES.types[name])
        assert isinstance(read_body, shape)
        assert given.left_out == left_out


def plain_readings(
    bodies_of: EventBodies[Any], monkeypatch: pytest.MonkeyPatch, names: Iterable[str]
) -> list[str]:
    """Reads a body of another family with each of the names. Returns the names that were read in the plain
    way."""
    plainly: list[str] = []

    def counting(self: EventBodies[Any], given: Message) -> Any:
        plainly.append(name)
        return read_plainly(self, given)

    read_plainly = EventBodies.read_plainly
    monkeypatch.setattr(EventBodies, "read_plainly", counting)
    for name in names:
        with pytest.raises(Skipped, match="other_family"):
            bodies_of.read(message(b'{"size":"no size","type":"%s","price":{}}' % name.encode()))
    return plainly


def test_a_name_of_another_family_is_judged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = EventBodies[Made | Sold](NAMES, {"made": Made, "sold": Sold})
    names = ["poll.made", "vote.cast", "poll.made", "vote.cast", "poll.made"]
    assert plain_readings(fresh, monkeypatch, names) == ["poll.made", "vote.cast"]
    assert fresh.read(message(b'{"type":"made","size":1}'))[:2] == ("made", "user.created")


def test_names_without_end_take_no_memory_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = EventBodies[Made | Sold](NAMES, {"made": Made, "sold": Sold})
    many = [f"poll.made{number}" for number in range(OTHERS_KEPT + 2)]
    long = "poll." + "m" * LONGEST_KEPT
    assert plain_readings(fresh, monkeypatch, [long, *many, long, *many]) == [long, *many, long, *many[-2:]]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"type":"poll.made","size":', NotJson),
        (b'{"type":"poll.made","size":1e999}', Skipped),
        (b'{"type":"poll.made","type":"lost"}', Invalid),
        (b'{"type":"lost","type":"poll.made"}', Skipped),
        (b'{"type":"poll.made"} {}', NotJson),
        (b'[{"type":"poll.made"}]', Invalid),
        (b'{"type":["poll.made"]}', Invalid),
        (b'{"type":"poll.made "}', Invalid),
        (b'{"type":"made","type":"poll.made"}', Skipped),
        (b'{"type":"poll.made","x":"\xff"}', Skipped),
        (b'{"type":"poll.made","\xff":1}', Skipped),
    ],
)
def test_a_known_name_of_another_family_excuses_nothing(body: bytes, expected: type[Exception]) -> None:
    fresh = EventBodies[Made | Sold](NAMES, {"made": Made, "sold": Sold})
    for read in (fresh.read_plainly, fresh.read, fresh.read):
        with pytest.raises(Skipped):
            fresh.read(message(b'{"type":"poll.made"}'))
        with pytest.raises(expected):
            read(message(body))


def test_a_mapped_name_after_that_of_another_family_counts() -> None:
    fresh = EventBodies[Made | Sold](NAMES, {"made": Made, "sold": Sold})
    for _ in range(2):
        assert fresh.read(message(b'{"type":"poll.made","type":"made"}'))[0] == "made"
        with pytest.raises(Skipped):
            fresh.read(message(b'{"type":"poll.made"}'))


@pytest.mark.parametrize("shapes", [{"made": Made}, {"made": Made, "sold": Sold, "lost": Made}])
def test_each_mapped_name_needs_a_shape(shapes: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="each mapped name, and no other, needs a shape"):
        EventBodies(NAMES, shapes)


def test_a_shape_has_no_field_for_the_name() -> None:
    class Named(Struct):
        type: str | None = None

    with pytest.raises(ValueError, match="tag_field='type' conflicts with an existing field"):
        EventBodies(NAMES, {"made": Named, "sold": Named})


def test_what_a_mapper_makes_has_the_members_that_readers_know() -> None:
    assert NewEvent.__struct_fields__ == Event.__struct_fields__
    assert NewData.__struct_fields__ == Data.__struct_fields__


def answer(vendor: str, record: InputRecord, options: Options) -> object:
    """Returns what a consumer of the outcome can see of it, all of it."""
    outcome: Outcome = convert(VENDORS[vendor], record, f"vendor.{vendor}.users/3", options)
    if isinstance(outcome, Emit):
        events = [(event.partitionkey, event.type, encode_event(event)) for event in outcome.events]
        return events, outcome.left_out
    return outcome


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_body_that_is_decoded_at_once_says_what_the_plain_way_says(vendor: str) -> None:
    rng = Random(7)
    records: list[tuple[InputRecord, Options]] = [(it, it.options) for it in fixtures_of(vendor)]
    records += [(Given(body, timestamp=NOON), Options()) for body in bodies(vendor, 400)]
    records += [(it, it.options) for it in (record_input(rng, vendor) for _ in range(FUZZED))]
    for record, options in records:
        at_once = answer(vendor, record, options)
        with plain_pass():
            assert answer(vendor, record, options) == at_once


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_usual_body_is_decoded_once(vendor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plain way costs twice as much, and nothing else would tell that it is taken."""

    def fail(*_: object) -> None:
        raise AssertionError("read in the plain way")

    records = [Given(body, timestamp=NOON) for body in bodies(vendor, 200)]
    expected = [answer(vendor, record, Options()) for record in records]
    monkeypatch.setattr("app.vendors.tolerant_reader.read_value", fail)
    monkeypatch.setattr(EventBodies, "read_plainly", fail)
    for record, outcome in zip(records, expected, strict=True):
        assert isinstance(outcome, Skip) or answer(vendor, record, Options()) == outcome
