"""Lists with as many unusable elements as fit into a body: they need little memory and little time."""

import gc
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest
from msgspec import Struct

from app.outcome import Dead, Emit
from app.vendors import VENDORS, Options, convert
from app.vendors.tolerant_reader import MAX_LEFT_OUT_ELEMENTS, TolerantReader
from tests.vendors.fixtures import Fixture, fixtures_of
from tests.vendors.records import MAGINE, Given, as_read, outcome_of

# A cost for each element would show in a body of this size as well as in one of 1 MiB.
BODY_BYTES = 1 << 18
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
def test_a_body_full_of_odd_elements_costs_little_more_than_decoding_it(
    vendor: str, path: tuple[str, ...], element: bytes
) -> None:
    """The largest factor that was measured is 18; without the bound on unusable elements it is over 100."""
    for seed in seeds_of(vendor):
        body = msgspec.json.encode(filled(msgspec.json.decode(seed.value or b""), path, "#mark#"))
        count = (BODY_BYTES - len(body)) // (len(element) + 1)
        body = body.replace(b'"#mark#"', b"[" + b",".join([element] * count) + b"]")
        check_cost(vendor, Given(body, timestamp=seed.timestamp), 40)


@pytest.mark.parametrize("element", ELEMENTS)
@pytest.mark.parametrize(("length", "factor"), [(1, 250), (999, 65)])
def test_many_users_with_a_list_of_odd_elements_each_cost_no_more(
    element: bytes, length: int, factor: int
) -> None:
    """With 999 elements each the largest factor that was measured is 33; without the bound on such elements
    it is 110 to 150. With one each, 4,000 users become as many events, which takes 35 to 93 times as long as
    decoding them, with the bound and without: that limit only finds a cost that grows with the square."""
    user = b'{"userId":1,"updatedAt":"2025-11-21T10:00:00Z","roles":[%s]}' % b",".join([element] * length)
    users = b",".join([user] * (BODY_BYTES // (len(user) + 1) - 1))
    check_cost("amity", Given(b'{"event":"user.didUpdate","data":{"users":[%s]}}' % users), factor)


def check_cost(vendor: str, record: Given, factor: int) -> None:
    """Measures again only if the first look is not far within the limit: most are, and need no more."""
    body = record.value or b""
    untyped = seconds_of(lambda: msgspec.json.decode(body), calls=1)[0]
    ours, outcome = seconds_of(lambda: convert(VENDORS[vendor], record, "t/0", Options()), calls=1)
    assert not (isinstance(outcome, Dead) and outcome.reason in ("mapper_error", "not_json"))
    if ours < factor / 4 * untyped:
        return
    untyped = min(untyped, seconds_of(lambda: msgspec.json.decode(body), calls=2)[0])
    enough = factor * untyped
    if ours >= enough:
        ours, _ = seconds_of(lambda: convert(VENDORS[vendor], record, "t/0", Options()), enough, calls=12)
    assert ours < enough, f"{ours / untyped:.0f} times as much"


def seconds_of(call: Callable[[], object], enough: float = 0.0, calls: int = 3) -> tuple[float, object]:
    """Returns the processor seconds of the call, and its result. The seconds are the smallest of some calls,
    or the first that are less than `enough`, because other work on the machine only adds to them. No tracer
    runs, because one, such as coverage, slows down lines of Python, but not the decoder; nor does the garbage
    collector, which counts for whoever happens to call it."""
    tracer = sys.gettrace()
    sys.settrace(None)
    gc.disable()
    try:
        spans: list[float] = []
        result: object = None
        while len(spans) < calls and (not spans or spans[-1] >= enough):
            started = time.process_time()
            result = call()
            spans.append(time.process_time() - started)
    finally:
        gc.enable()
        sys.settrace(tracer)
    return min(spans), result
