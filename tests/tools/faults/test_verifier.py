"""The verifier finds each fault that is planted into topics without one."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from app.settings import Settings
from app.vendors import VENDORS, Options
from tests.kafka import Headers, Record
from tests.tools.faults.expected import Expected, expect
from tests.tools.faults.load import body
from tests.tools.faults.verifier import Found, Report, judge

MARKED = b'"status":"deleted"'
CONTENT_TYPE = ("content-type", b"application/cloudevents+json; charset=UTF-8")
NOW = 1_790_000_000_000
SETTINGS = Settings()


def published() -> dict[str, list[Record]]:
    """Returns 120 records of each vendor, all in one partition, of 30 users. Some of them are bad."""
    return {
        name: [
            Record(SETTINGS.topic_of(name), 0, number, NOW, b"k", body(name, number, number % 30), [])
            for number in range(120)
        ]
        for name in VENDORS
    }


def names(row: bytes | None, changed: bytes = b"*") -> Headers:
    """Returns the headers of a changelog record before which its key had no row."""
    return [("changed", b"" if row is None else b"status" if MARKED in row else changed)]


@pytest.fixture(scope="module")
def expected() -> Expected:
    return expect(published(), dict.fromkeys(VENDORS, Options()))


@pytest.fixture
def found(expected: Expected) -> Found:
    """Returns what a worker leaves that has made no mistake."""
    events = [
        Record("events", 0, offset, NOW + offset, wanted.key, wanted.value, [CONTENT_TYPE])
        for offset, wanted in enumerate(expected.events.values())
    ]
    dead_letters = []
    for (topic, partition, offset), wanted in expected.dead_letters.items():
        source = {"topic": topic, "partition": str(partition), "offset": str(offset)}
        headers = {f"__connect.errors.{name}": text for name, text in source.items()}
        headers |= {"x-vendor": wanted.vendor, "x-reason": wanted.reason, "x-detail": wanted.detail}
        headers["x-original-timestamp"] = str(wanted.original.timestamp)
        encoded: list[tuple[str, bytes | None]] = [(name, text.encode()) for name, text in headers.items()]
        dead_letters.append(wanted.original._replace(topic="dead", timestamp=NOW, headers=encoded))
    users, loyalty = (
        [Record(name, 0, offset, NOW, key, row, names(row)) for offset, (key, row) in enumerate(rows.items())]
        for name, rows in (("users", expected.users), ("loyalty", expected.loyalty))
    )
    ends = {("events", 0): len(events)} | {(SETTINGS.topic_of(name), 0): 120 for name in VENDORS}
    return Found(events, dead_letters, users, loyalty, ends, dict(ends))


def test_what_is_right_has_no_failure(found: Found, expected: Expected) -> None:
    report = judge(found, expected)
    assert report.failures() == []
    assert report.records == 120 * len(VENDORS)
    assert report.dead > 0
    assert report.skipped > 0
    assert report.repeats == 0
    assert len(expected.loyalty) > 0


def _other(value: bytes | None) -> bytes:
    return (value or b"").replace(b'"specversion":"1.0"', b'"specversion":"1.1"')


def lost_event(found: Found) -> None:
    del found.canonical[17]


def lost_dead_letter(found: Found) -> None:
    del found.dead_letters[3]


def changed_byte(found: Found) -> None:
    found.canonical[5] = found.canonical[5]._replace(value=_other(found.canonical[5].value))


def changed_key(found: Found) -> None:
    found.canonical[5] = found.canonical[5]._replace(key=found.canonical[6].key)


def missing_header(found: Found) -> None:
    found.canonical[5] = found.canonical[5]._replace(headers=[])


def unknown_event(found: Found) -> None:
    text = (found.canonical[5].value or b"").replace(b'"id":"', b'"id":"x')
    found.canonical.append(found.canonical[5]._replace(value=text))


def no_event_at_all(found: Found) -> None:
    found.canonical.append(found.canonical[5]._replace(value=None))


def changed_dead_letter(found: Found) -> None:
    found.dead_letters[0] = found.dead_letters[0]._replace(value=b"something else")


def dead_letter_of_a_good_record(found: Found) -> None:
    name = "__connect.errors.offset"
    headers = [(each, b"0" if each == name else value) for each, value in found.dead_letters[0].headers]
    found.dead_letters.append(found.dead_letters[0]._replace(headers=headers))


def swapped_order(found: Found) -> None:
    keys = [record.key for record in found.canonical]
    later = next(index for index, key in enumerate(keys) if keys.index(key) < index)
    earlier = keys.index(keys[later])
    found.canonical[earlier], found.canonical[later] = found.canonical[later], found.canonical[earlier]


def strayed_key(found: Found) -> None:
    keys = [record.key for record in found.canonical]
    later = next(index for index, key in enumerate(keys) if keys.index(key) < index)
    found.canonical[later] = found.canonical[later]._replace(partition=1)


def strayed_row(found: Found) -> None:
    found.users[0] = found.users[0]._replace(partition=1)


def stale_row(found: Found) -> None:
    row = (found.users[0].value or b"").replace(b'"sub"', b'"sub_"')
    found.users.append(found.users[0]._replace(offset=10_000, value=row))


def missing_row(found: Found) -> None:
    del found.loyalty[0]


def ended_row(found: Found) -> None:
    found.users.append(found.users[0]._replace(offset=10_000, value=None, headers=names(None)))


def left_over_row(found: Found) -> None:
    found.users.append(found.users[0]._replace(key=b"amity/default/nobody"))


def misnamed_row(found: Found) -> None:
    row = next(record for record in found.users if MARKED not in (record.value or b""))
    found.users.append(row._replace(offset=len(found.users), headers=[("changed", b"status")]))


def uncommitted_offset(found: Found) -> None:
    found.committed["events", 0] -= 1


def offset_ahead(found: Found) -> None:
    found.committed["events", 0] += 1


def never_committed(found: Found) -> None:
    del found.committed["events", 0]


@pytest.mark.parametrize(
    ("plant", "seen"),
    [
        (lost_event, {"lost": 1}),
        (lost_dead_letter, {"lost": 1}),
        (changed_byte, {"changed": 1, "lost": 1}),
        (changed_key, {"changed": 1, "lost": 1}),
        (missing_header, {"changed": 1, "lost": 1}),
        (unknown_event, {"unexplained": 1}),
        (no_event_at_all, {"unexplained": 1}),
        (changed_dead_letter, {"unexplained": 1, "lost": 1}),
        (dead_letter_of_a_good_record, {"unexplained": 1}),
        (swapped_order, {"disordered": 1}),
        (strayed_key, {"misplaced": 1}),
        (strayed_row, {"misplaced": 1}),
        (stale_row, {"wrong_rows": 1}),
        (missing_row, {"wrong_rows": 1}),
        (ended_row, {"wrong_rows": 1}),
        (left_over_row, {"wrong_rows": 1}),
        (misnamed_row, {"misnamed": 1}),
        (uncommitted_offset, {"uncommitted": 1}),
        (offset_ahead, {"uncommitted": 1}),
        (never_committed, {"uncommitted": 1}),
    ],
)
def test_a_planted_fault_is_found(
    plant: Callable[[Found], None], seen: dict[str, int], found: Found, expected: Expected
) -> None:
    plant(found)
    report = judge(found, expected)
    right = Report(
        records=report.records,
        events=report.events,
        dead=report.dead,
        skipped=report.skipped,
        rows=report.rows,
    )
    assert report == replace(right, **seen)
    assert len(report.failures()) == len(seen)


def test_equal_repeats_are_counted_and_allowed(found: Found, expected: Expected) -> None:
    found.canonical += found.canonical[10:13]
    found.dead_letters += found.dead_letters[:2]
    report = judge(found, expected)
    assert report.failures() == []
    assert report.repeats == 5
    assert report.repeated == [NOW + 10, NOW + 11, NOW + 12]


def test_members_of_a_row_may_be_in_any_order_but_a_value_keeps_its_type(
    found: Found, expected: Expected
) -> None:
    key = next(iter(expected.loyalty))
    row = expected.loyalty[key]
    turned = b'{"sub":' + row.split(b'"sub":')[1].split(b",")[0] + b"," + row[1:]
    found.loyalty.append(Record("loyalty", 0, 10_000, NOW, key, turned, names(turned)))
    assert judge(found, expected).failures() == []
    other = row.replace(b'"delta":', b'"delta":1')
    found.loyalty.append(Record("loyalty", 0, 10_001, NOW, key, other, names(other)))
    assert judge(found, expected).wrong_rows == 1
