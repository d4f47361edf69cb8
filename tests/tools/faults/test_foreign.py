"""The verifier on topics into which others have written, and the faults that it has to find there."""

import json
from collections.abc import Callable

import pytest

from app.vendors import VENDORS, Options
from tests.kafka import Headers, Record
from tests.state.no_rows import ROWS, changed
from tests.tools.faults.expected import Expected, Logs, expect
from tests.tools.faults.foreign import Foreign, home, position_of
from tests.tools.faults.verifier import Found, judge

NOW = 1_790_000_000_000
PARTITIONS = 3
ALL: Headers = [("changed", b"*")]
NOTHING: Headers = [("changed", b"")]


def key_of(sub: str) -> bytes:
    return f"magine/acme/{sub}".encode()


def at_home(sub: str) -> int:
    return home(key_of(sub), PARTITIONS)


def elsewhere(sub: str) -> int:
    return (at_home(sub) + 1) % PARTITIONS


def event(sub: str, **changes: str) -> bytes:
    body = {
        "specversion": "1.0",
        "id": f"user.updated:{sub}",
        "source": "/vendors/magine/acme",
        "type": "user.updated",
        "time": "2024-01-01T00:00:30.000000Z",
        "partitionkey": f"magine/acme/{sub}",
        "vendor": "magine",
        "tenant": "acme",
        "data": {"snapshot": "partial", "user": {"sub": sub, "name": "N"}},
    }
    return json.dumps(body | changes).encode()


CANONICAL = [
    Record("events", at_home("good"), 0, NOW, key_of("good"), event("good"), []),
    Record("events", elsewhere("away"), 1, NOW, key_of("away"), event("away"), []),
    Record("events", at_home("late"), 2, NOW, key_of("late"), event("late", time="2099-01-01T00:00:00Z"), []),
    Record("events", at_home("old"), 3, NOW, key_of("old"), event("old", time="1999-01-01T00:00:00Z"), []),
    Record("events", 0, 4, NOW, None, event("keyless"), []),
    Record("events", 0, 5, NOW, key_of("none"), None, []),
]
USERS = [
    Record("users", at_home("row"), 10, NOW, key_of("row"), changed(ROWS["users"], sub="row"), []),
    Record("users", at_home("garbage"), 11, NOW, key_of("garbage"), b"{", []),
    Record("users", elsewhere("far"), 12, NOW, key_of("far"), changed(ROWS["users"], sub="far"), []),
    Record("users", elsewhere("gone"), 13, NOW, key_of("gone"), None, []),
    Record("users", elsewhere("stray"), 14, NOW, key_of("stray"), b"{}", []),
    Record("users", 0, 15, NOW, None, b"{}", []),
]


def logs() -> Logs:
    foreign = Foreign(written={position_of(record) for record in [*CANONICAL, *USERS]})
    return Logs([*CANONICAL], {"users": [*USERS], "loyalty": []}, PARTITIONS, foreign)


@pytest.fixture
def expected() -> Expected:
    return expect({}, dict.fromkeys(VENDORS, Options()), logs())


@pytest.fixture
def found(expected: Expected) -> Found:
    """Returns what workers leave that have made no mistake."""
    repairs = [
        Record("users", at_home("garbage"), 20, NOW, key_of("garbage"), None, NOTHING),
        Record("users", elsewhere("stray"), 21, NOW, key_of("stray"), None, NOTHING),
        Record("users", at_home("good"), 22, NOW, key_of("good"), expected.users[key_of("good")], ALL),
    ]
    dead_letters = []
    for (topic, partition, offset), wanted in expected.dead_letters.items():
        source = {"topic": topic, "partition": str(partition), "offset": str(offset)}
        headers = {f"__connect.errors.{name}": text for name, text in source.items()}
        headers |= {"x-vendor": wanted.vendor, "x-reason": wanted.reason, "x-detail": wanted.detail}
        headers["x-original-timestamp"] = str(NOW)
        encoded: Headers = [(name, text.encode()) for name, text in headers.items()]
        dead_letters.append(wanted.original._replace(topic="dead", headers=encoded))
    return Found([*CANONICAL], dead_letters, [*USERS, *repairs], [], {}, {})


def test_what_is_right_has_no_failure(found: Found, expected: Expected) -> None:
    assert judge(found, expected).failures() == []
    assert {(wanted.vendor, wanted.reason) for wanted in expected.dead_letters.values()} == {
        ("canonical", "schema"),
        ("canonical", "bad_time"),
        ("changelog", "not_json"),
        ("changelog", "schema"),
    }
    assert len(expected.dead_letters) == 7
    assert expected.users.keys() == {key_of("good"), key_of("row")}


def dead_letter_missing(found: Found) -> None:
    del found.dead_letters[4]


def dead_letter_of_a_usable_event(found: Found) -> None:
    position = [("__connect.errors.topic", b"events"), ("__connect.errors.offset", b"0")]
    partition: Headers = [("__connect.errors.partition", b"%d" % at_home("good"))]
    found.dead_letters.append(CANONICAL[0]._replace(topic="dead", headers=[*position, *partition]))


def wrong_event_applied(found: Found) -> None:
    row = changed(ROWS["users"], sub="away")
    found.users.append(Record("users", elsewhere("away"), 30, NOW, key_of("away"), row, ALL))


def event_not_applied(found: Found) -> None:
    found.users = [record for record in found.users if record.key != key_of("good")]


def garbage_left(found: Found) -> None:
    found.users = [record for record in found.users if record.offset != 20]


def garbage_left_elsewhere(found: Found) -> None:
    found.users = [record for record in found.users if record.offset != 21]


def stray_row_overwritten(found: Found) -> None:
    found.users.append(Record("users", elsewhere("far"), 30, NOW, key_of("far"), None, NOTHING))


def foreign_row_lost(found: Found) -> None:
    found.users.append(Record("users", at_home("row"), 30, NOW, key_of("row"), None, NOTHING))


def unknown_event(found: Found) -> None:
    found.canonical.append(CANONICAL[0]._replace(offset=40))


@pytest.mark.parametrize(
    ("plant", "failure"),
    [
        (dead_letter_missing, "1 lost"),
        (dead_letter_of_a_usable_event, "1 unexplained"),
        (wrong_event_applied, "1 wrong rows"),
        (event_not_applied, "1 wrong rows"),
        (garbage_left, "1 wrong rows"),
        (garbage_left_elsewhere, "1 wrong rows"),
        (stray_row_overwritten, "1 wrong rows"),
        (foreign_row_lost, "1 wrong rows"),
        (unknown_event, "1 unexplained"),
    ],
)
def test_a_planted_fault_is_found(
    plant: Callable[[Found], None], failure: str, found: Found, expected: Expected
) -> None:
    plant(found)
    assert judge(found, expected).failures() == [failure]


LARGE = Record("vendor.magine.users", 0, 7, NOW, b"k", b"{" * 2_000_000, [("h", b"1"), ("i", b"2")])


def dead_letter_of(record: Record, value: bytes | None, headers: Headers, **changes: bytes) -> Record:
    ours = {
        "x-vendor": b"magine",
        "x-reason": b"too_large",
        "x-detail": b"$: expected at most 1048576 bytes",
        "x-original-timestamp": b"%d" % NOW,
        "x-truncated": b"true",
        "__connect.errors.topic": record.topic.encode(),
        "__connect.errors.partition": b"%d" % record.partition,
        "__connect.errors.offset": b"%d" % record.offset,
    } | {name.replace("_", "-"): text for name, text in changes.items()}
    return record._replace(topic="dead", value=value, headers=[*headers, *ours.items()])


@pytest.mark.parametrize(
    ("value", "headers", "whole_bytes", "failures"),
    [
        (LARGE.value[:65_536], LARGE.headers[1:], 1 << 20, []),  # type: ignore[index]
        (None, [], 1 << 20, []),
        (LARGE.value[:65_537], [], 1 << 20, ["1 lost", "1 unexplained"]),  # type: ignore[index]
        (b"[", [], 1 << 20, ["1 lost", "1 unexplained"]),
        (None, [("j", b"1")], 1 << 20, ["1 lost", "1 unexplained"]),
        (None, [], 1 << 30, ["1 lost", "1 unexplained"]),
    ],
)
def test_only_a_large_dead_letter_is_truncated(
    value: bytes | None, headers: Headers, whole_bytes: int, failures: list[str]
) -> None:
    foreign = Foreign(whole_bytes=whole_bytes)
    expected = expect({"magine": [LARGE]}, dict.fromkeys(VENDORS, Options()), Logs([], {}, 3, foreign))
    found = Found([], [dead_letter_of(LARGE, value, headers)], [], [], {}, {})
    assert judge(found, expected).failures() == failures


def test_a_batch_that_nobody_can_unpack_is_too_large_with_any_detail() -> None:
    record = LARGE._replace(value=b"{")
    foreign = Foreign(inflated={position_of(record)})
    expected = expect({"magine": [record]}, dict.fromkeys(VENDORS, Options()), Logs([], {}, 3, foreign))
    found = Found([], [dead_letter_of(record, None, [], x_detail=b"another")], [], [], {}, {})
    assert judge(found, expected).failures() == []
