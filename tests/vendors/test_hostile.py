"""Every body gets one of three outcomes, with a reason of the closed set, without a quotation, and without an
error of the mapper."""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.canonical import EVENT_TYPES, decode_event, encode_event
from app.outcome import DEAD_REASONS, SKIP_REASONS, Dead, Emit, Outcome, Skip
from app.vendors import VENDORS
from tests.vendors.fixtures import fixtures_of
from tests.vendors.records import outcome_of

SENTINEL = "zq7"
UNUSUAL: list[Any] = [
    None, True, False, 0, -1, 7, 1.5, 10**30,
    "", "string", "<string>", SENTINEL, "2025-11-21", "1e5",
    [], [None], [[]], [{}], [SENTINEL],
    {}, {SENTINEL: SENTINEL}, {"id": SENTINEL}, {"$date": SENTINEL}, {"$date": 10**20},
]  # fmt: skip


def bodies(vendor: str) -> list[str]:
    """Returns the small JSON objects among the bodies of the vendor's fixtures."""
    values = [fixture.value for fixture in fixtures_of(vendor)]
    return [value.decode() for value in values if value and len(value) < 5000 and is_object(value)]


def is_object(value: bytes) -> bool:
    try:
        return isinstance(json.loads(value.decode()), dict)
    except (ValueError, RecursionError):
        return False


BODIES = {vendor: bodies(vendor) for vendor in VENDORS}
every_vendor = pytest.mark.parametrize("vendor", VENDORS)
few = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def check(outcome: Outcome) -> None:
    match outcome:
        case Skip(reason):
            assert reason in SKIP_REASONS
        case Dead(reason, detail):
            assert reason in DEAD_REASONS
            assert reason != "mapper_error", detail
            assert SENTINEL not in detail
        case Emit(events, left_out):
            assert events
            assert all(left_out)
            assert SENTINEL not in "".join(left_out)
            assert len({event.id for event in events}) == len(events)
            for event in events:
                check_event(json.loads(encode_event(event)))
                assert encode_event(decode_event(encode_event(event))) == encode_event(event)


def check_event(event: dict[str, Any]) -> None:
    data = event["data"]
    assert event["type"] in EVENT_TYPES
    assert event["partitionkey"].startswith(f"{event['vendor']}/")
    assert event["partitionkey"].count("/") == 2
    if event["type"] == "user.deleted":
        assert data["user"].keys() == {"sub"}
        assert not {"attributes", "settings", "previous"} & data.keys()
        assert (data["status"], data["snapshot"]) == ("deleted", "partial")
    if data["snapshot"] == "full":
        assert event["timesource"] != "record"
        assert not any(value in (None, "") for value in data["user"].values())
    assert "updated_at" not in data["user"]


def paths(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yields every (container, key) of a JSON value. This is a loop, because some bodies nest deeper than
    Python can recurse."""
    left = [value]
    while left:
        container = left.pop()
        if isinstance(container, dict | list):
            for key in list(container) if isinstance(container, dict) else range(len(container)):
                yield container, key
                left.append(container[key])


@every_vendor
@few
@given(data=st.data())
def test_a_body_with_odd_parts_has_an_outcome_of_the_contract(vendor: str, data: st.DataObject) -> None:
    body = {"": json.loads(data.draw(st.sampled_from(BODIES[vendor])))}
    for _ in range(data.draw(st.integers(1, 3))):
        container, key = data.draw(st.sampled_from(list(paths(body))))
        if data.draw(st.booleans()) or isinstance(container, list) or key == "":
            container[key] = deepcopy(data.draw(st.sampled_from(UNUSUAL)))
        else:
            del container[key]
            if data.draw(st.booleans()):
                container[SENTINEL] = SENTINEL
    raw = json.dumps(body.get("")).encode()
    outcome = outcome_of(VENDORS[vendor], raw)
    check(outcome)
    assert outcome == outcome_of(VENDORS[vendor], raw)


@every_vendor
@few
@given(data=st.data())
def test_a_damaged_body_has_an_outcome_of_the_contract(vendor: str, data: st.DataObject) -> None:
    raw = data.draw(st.sampled_from(BODIES[vendor])).encode()
    start = data.draw(st.integers(0, len(raw)))
    end = data.draw(st.integers(start, min(len(raw), start + 20)))
    check(outcome_of(VENDORS[vendor], raw[:start] + data.draw(st.binary(max_size=8)) + raw[end:]))


@every_vendor
@few
@given(
    raw=st.binary(max_size=60),
    headers=st.lists(st.tuples(st.text(max_size=8), st.binary(max_size=8)), max_size=3),
)
def test_any_bytes_and_headers_have_an_outcome_of_the_contract(
    vendor: str, raw: bytes, headers: list[tuple[str, bytes]]
) -> None:
    check(outcome_of(VENDORS[vendor], raw, headers=[*headers, ("tenant", raw[:5])]))


@every_vendor
def test_no_text_of_a_body_reaches_a_detail_or_a_name(vendor: str) -> None:
    """One path after the other, in every body, gets a text or a key that no outcome may repeat."""
    for original in BODIES[vendor]:
        for index in range(len(list(paths(json.loads(original))))):
            body = json.loads(original)
            container, key = list(paths(body))[index]
            container[key] = {SENTINEL: [SENTINEL]} if index % 2 else f"{SENTINEL} - at `$.{SENTINEL}`"
            check(outcome_of(VENDORS[vendor], json.dumps(body).encode()))


MEBIBYTE = 1 << 20


@pytest.mark.untraced
@every_vendor
@pytest.mark.parametrize(
    "filler",
    [
        b"[",
        b'{"a":',
        b'["',
        b'[{"":[',
        b"{},",
        b"]",
        b'"',
        b"\\",
        b'\\"[',
        b"1",
        b"1,",
        b"-",
        b" ",
        b"\0",
        b"\xff",
    ],
)
def test_a_record_full_of_one_thing_has_an_outcome(vendor: str, filler: bytes) -> None:
    whole = filler * (MEBIBYTE // len(filler))
    check(outcome_of(VENDORS[vendor], whole))
    known = b'{"type":"user.updated","event":"user.didUpdate","data":['
    check(outcome_of(VENDORS[vendor], known + whole[:-100]))


@pytest.mark.timeout(30)  # linear work is done in a blink
def test_many_users_with_avatars_and_many_files_cost_no_more_than_their_bytes() -> None:
    """If each user looked for its file in the list of all files, 16,000 times 130,000 steps would take
    minutes."""
    users = b",".join([b'{"userId":"1","avatarFileId":"x"}'] * 16_000)
    files = b",".join([b"{}"] * 130_000)
    body = b'{"event":"user.didUpdate","data":{"users":[%s],"files":[%s]}}' % (users, files)
    outcome = outcome_of(VENDORS["amity"], body)
    assert isinstance(outcome, Emit)
    assert len(outcome.events) == 16_000
