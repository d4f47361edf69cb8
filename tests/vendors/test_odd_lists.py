"""Lists with as many unusable elements as fit into a body: a bounded number of calls leaves them out."""

import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest
from msgspec import Struct

from app.outcome import Dead, Emit
from app.vendors import VENDORS, Options, convert, tolerant_reader
from app.vendors.tolerant_reader import MAX_LEFT_OUT_ELEMENTS, MAX_LEFT_OUT_PARTS, TolerantReader
from tests.vendors.fixtures import Fixture, fixtures_of
from tests.vendors.records import MAGINE, Given, as_read, outcome_of

# Many times as many elements as may be odd: a cost for each of them shows as well as in a body of 1 MiB.
BODY_BYTES = 1 << 16
BYTES_OF_USERS = 1 << 18
ELEMENTS = [b"1", b"null", b'""', b"[[]]", b"{}", b'{"primary":3}']


class Toy(Struct):
    name: str | None = None


class Box(Struct):
    tags: list[str] | None = None
    toys: list[Toy] | None = None
    needed: list[Toy | None] | None = None


BOX = TolerantReader(Box)


def read(name: str, elements: list[object]) -> tuple[Any, list[str]]:
    left_out: list[str] = []
    box = BOX.require(msgspec.json.encode({name: elements}), "$", left_out)
    return getattr(box, name), left_out


@pytest.mark.parametrize("name", ["tags", "toys"])
def test_of_a_list_with_more_than_1000_odd_elements_nothing_is_carried(name: str) -> None:
    good: object = "good" if name == "tags" else {"name": "good"}
    kept, left_out = read(name, [good, *[5] * MAX_LEFT_OUT_ELEMENTS, good])
    assert len(kept) == 2
    assert left_out == [name] * MAX_LEFT_OUT_ELEMENTS
    assert read(name, [good, *[5] * (MAX_LEFT_OUT_ELEMENTS + 1), good]) == (None, [name])


def test_an_element_with_an_odd_part_counts_as_an_odd_one() -> None:
    kept, left_out = read("toys", [{"name": 5}] * MAX_LEFT_OUT_ELEMENTS)
    assert kept == [Toy()] * MAX_LEFT_OUT_ELEMENTS
    assert left_out == ["name"] * MAX_LEFT_OUT_ELEMENTS
    assert read("toys", [{"name": 5}] * (MAX_LEFT_OUT_ELEMENTS + 1)) == (None, ["toys"])


def test_of_needed_elements_each_is_carried_without_its_odd_part() -> None:
    kept, left_out = read("needed", [{"name": 5}] * 5000)
    assert kept == [Toy()] * 5000
    assert left_out == ["name"] * 5000


def test_of_a_list_of_needed_elements_that_is_unusable_the_rest_is_not_read() -> None:
    kept, _ = read("needed", [{"name": "good"}, *[5] * 5000])
    assert kept == [Toy("good"), *[None] * (MAX_LEFT_OUT_ELEMENTS + 1)]


def test_a_list_that_is_left_out_costs_no_event_and_is_counted_once() -> None:
    user = {"userId": "u", "name": "Ada", "tags": [1] * 5000}
    body = {"type": "user.updated", "timestamp": "2025-11-21T10:00:00Z", "data": user}
    outcome = outcome_of(MAGINE, msgspec.json.encode(body))
    assert isinstance(outcome, Emit)
    assert outcome.left_out == ("tags",)
    assert as_read(outcome.events[0]).data.user["name"] == "Ada"


def lists_of(kind: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yields the path of every field whose type is a list; `*` is an element of a list."""
    if get_origin(kind) is list:
        yield path
        yield from lists_of(get_args(kind)[0], (*path, "*"))
    elif isinstance(kind, type) and issubclass(kind, Struct):
        hints = get_type_hints(kind)
        for field in msgspec.structs.fields(kind):
            yield from lists_of(hints[field.name], (*path, field.encode_name))
    elif get_origin(kind) is Union or type(kind).__name__ == "UnionType":
        for part in get_args(kind):
            yield from lists_of(part, path)


CASES = sorted({(name, path) for name in VENDORS for it in VENDORS[name].shapes for path in lists_of(it)})


def seeds_of(vendor: str) -> list[Fixture]:
    """Returns a short body of each type of event: the longest one of its type, which has the most fields."""
    seeds: dict[str, Fixture] = {}
    for it in fixtures_of(vendor):
        if it.outcome["outcome"] == "emit" and it.value and len(it.value) < 3000:
            kind = it.outcome["events"][0]["type"]
            if kind not in seeds or len(seeds[kind].value or b"") < len(it.value):
                seeds[kind] = it
    return list(seeds.values())


def filled(value: Any, path: tuple[str, ...], mark: str) -> Any:
    """Returns `value` with `mark` at the end of `path`."""
    if not path:
        return mark
    if path[0] == "*":
        first = value[0] if isinstance(value, list) and value else {}
        return [filled(first, path[1:], mark)]
    members = value if isinstance(value, dict) else {}
    return {**members, path[0]: filled(members.get(path[0]), path[1:], mark)}


@pytest.mark.untraced
@pytest.mark.parametrize("element", ELEMENTS)
@pytest.mark.parametrize(("vendor", "path"), CASES, ids=str)
def test_a_body_full_of_odd_elements_costs_a_bounded_number_of_calls(
    vendor: str, path: tuple[str, ...], element: bytes
) -> None:
    """The largest number that was measured is 33 calls for each element that may be odd; without the bound on
    such elements it is up to 620."""
    for seed in seeds_of(vendor):
        body = msgspec.json.encode(filled(msgspec.json.decode(seed.value or b""), path, "#mark#"))
        count = (BODY_BYTES - len(body)) // (len(element) + 1)
        body = body.replace(b'"#mark#"', b"[" + b",".join([element] * count) + b"]")
        given = Given(body, timestamp=seed.timestamp)
        assert calls_of(vendor, given) < 60 * MAX_LEFT_OUT_ELEMENTS
        assert bytes_read(vendor, given) < 20 * len(body)


@pytest.mark.parametrize("element", ELEMENTS)
@pytest.mark.parametrize("length", [1, 999])
def test_many_users_with_a_list_of_odd_elements_each_cost_no_more(element: bytes, length: int) -> None:
    """A user becomes an event, which takes 171 calls. For the odd elements of all users together the largest
    number that was measured is 12 calls for each part that may be odd; without that bound it is 150."""
    user = b'{"userId":1,"updatedAt":"2025-11-21T10:00:00Z","roles":[%s]}' % b",".join([element] * length)
    users = [user] * (BYTES_OF_USERS // (len(user) + 1) - 1)
    body = b'{"event":"user.didUpdate","data":{"users":[%s]}}' % b",".join(users)
    assert calls_of("amity", Given(body)) < 200 * len(users) + 18 * MAX_LEFT_OUT_PARTS
    assert bytes_read("amity", Given(body)) < 20 * len(body)


def calls_of(vendor: str, record: Given) -> int:
    """Returns how many functions, of Python and of C, are called while the record is mapped.

    They stand for the time, which a busy machine makes several times as long.
    """
    calls = 0

    def count(_frame: object, event: str, _function: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        outcome = convert(VENDORS[vendor], record, "t/0", Options())
    finally:
        sys.setprofile(None)
    assert not (isinstance(outcome, Dead) and outcome.reason in ("mapper_error", "not_json"))
    return calls


def bytes_read(vendor: str, record: Given) -> int:
    """Returns how many bytes the decoders of the tolerant reader are given while the record is mapped. A part
    that is read again for each element of its list takes no more calls, but many times the bytes."""
    total = 0

    def noted(raw: Any) -> Any:
        nonlocal total
        total += memoryview(raw).nbytes
        return raw

    typed, decoder, readable = TolerantReader.typed, tolerant_reader._decoder, tolerant_reader._readable
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(TolerantReader, "typed", lambda self, raw: typed(self, noted(raw)))
        patched.setattr(tolerant_reader, "_readable", lambda raw: readable(noted(raw)))
        patched.setattr(
            tolerant_reader,
            "_decoder",
            lambda kind: SimpleNamespace(decode=lambda raw: decoder(kind).decode(noted(raw))),
        )
        convert(VENDORS[vendor], record, "t/0", Options())
    return total
