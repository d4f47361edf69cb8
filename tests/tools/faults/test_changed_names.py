"""The check of the header `changed` finds each wrong header, and accepts what kills, zombies and repairs may
leave."""

import json
from typing import Any

import pytest

from tests.kafka import Headers, Record
from tests.tools.faults.changed_names import Named, check_names
from tests.tools.faults.foreign import Table

RIGHT = Named()
MISNAMED = Named(misnamed=1)
OVERTAKEN = Named(overtaken=1)
GARBAGE = b"{}"


def user(**members: Any) -> bytes:
    row = {"vendor": "fynd", "tenant": "t", "sub": "1", "complete": True, "profile": members}
    return json.dumps({**row, "attributes": {}, "settings": {}, "stamps": {}}).encode()


def loyalty(points: int) -> bytes:
    row = {"vendor": "fynd", "tenant": "t", "sub": "1", "entries": []}
    return json.dumps({**row, "points": {"value": points, "as_of": 1}}).encode()


A, B, AB, LONG = user(name="a"), user(email="b"), user(name="a", email="b"), user(name="a" * 9)
MARKER = (
    b'{"vendor":"fynd","tenant":"t","sub":"1","status":"deleted","deleted_at":"2026-01-01T00:00:00.000000Z"}'
)


def checked(
    *records: tuple[bytes | None, str], table: Table = "users", foreign: tuple[int, ...] = (), first: int = 0
) -> Named:
    """Returns the verdict on a log of one key. `foreign`: the indexes of the records that no worker wrote;
    `first`: the offset of the first record."""
    log = [
        Record("log", 0, first + number, 0, b"fynd/t/1", value, [("changed", names.encode())])
        for number, (value, names) in enumerate(records)
    ]
    return check_names(table, log, {("log", 0, first + number) for number in foreign})


@pytest.mark.parametrize(
    "records",
    [
        [(A, "*"), (AB, "profile.email"), (AB, "")],
        [(A, "*"), (B, "profile.email,profile.name")],
        [(A, "*"), (MARKER, "status"), (MARKER, "status"), (A, "*")],
        [(A, "*"), (None, ""), (A, "*")],
        [(MARKER, "status"), (None, "")],
        [(None, "")],
        [(A, "*"), (user(**{"é,%": 1}), "profile.%C3%A9%2C%25,profile.name")],
    ],
)
def test_what_one_worker_writes_in_order_is_right(records: list[tuple[bytes | None, str]]) -> None:
    assert checked(*records) == RIGHT


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (AB, ""),
        (AB, "profile.name"),
        (AB, "profile.email,profile.name"),
        (AB, "profile.email,profile.email"),
        (B, "profile.name,profile.email"),
        (AB, "profile.emai%6C"),
        (AB, "profile.email,"),
        (user(name="a", é=1), "profile.é"),
        (A, "updated_at"),
        (A, "points"),
        (A, "status"),
        (None, "*"),
        (None, "status"),
        (MARKER, "*"),
        (MARKER, ""),
        (b"no row", "*"),
    ],
)
def test_a_wrong_header_is_found(value: bytes | None, names: str) -> None:
    assert checked((A, "*"), (value, names)) == MISNAMED


def test_a_loyalty_row_has_names_of_its_own() -> None:
    assert checked((loyalty(1), "*"), (loyalty(2), "points"), (loyalty(2), ""), table="loyalty") == RIGHT
    assert checked((loyalty(1), "*"), (loyalty(2), "reputation"), table="loyalty") == MISNAMED
    assert checked((loyalty(1), "*"), (loyalty(2), "profile.points"), table="loyalty") == MISNAMED


@pytest.mark.parametrize("headers", [[], [("changed", None)], [("changed", b"*")] * 2, [("Changed", b"*")]])
def test_the_header_is_there_once(headers: Headers) -> None:
    assert check_names("users", [Record("log", 0, 0, 0, b"fynd/t/1", A, headers)], set()) == MISNAMED


def test_a_zombie_compares_with_what_it_knows_and_so_does_the_owner_beside_it() -> None:
    # The zombie has read nothing, or `A`; the owner has not read the zombie's row.
    assert checked((A, "*"), (AB, "profile.email"), (AB, "*")) == OVERTAKEN
    assert checked((A, "*"), (AB, "profile.email"), (A, ""), (AB, "profile.email")) == OVERTAKEN
    assert checked((A, "*"), (B, "*"), (AB, "profile.email")) == Named(overtaken=2)


def test_a_repair_compares_with_the_stranger_s_row_that_it_has_read() -> None:
    assert checked((A, "*"), (B, "x"), (AB, "profile.name"), foreign=(1,)) == RIGHT
    # It had not read the stranger's row yet, and then it has.
    assert checked((A, "*"), (B, "x"), (LONG, "profile.name"), foreign=(1,)) == RIGHT
    assert checked((A, "*"), (B, "x"), (A, ""), (AB, "profile.name"), foreign=(1,)) == RIGHT
    assert checked((A, "*"), (None, "x"), (A, "*"), foreign=(1,)) == RIGHT
    assert checked((A, "*"), (B, "x"), (AB, ""), foreign=(1,)) == MISNAMED


def test_garbage_is_no_version_and_what_is_written_over_it_changes_nothing() -> None:
    assert checked((A, "*"), (GARBAGE, "x"), (A, ""), foreign=(1,)) == RIGHT
    assert checked((GARBAGE, "x"), (None, ""), foreign=(0,)) == RIGHT
    assert checked((A, "*"), (GARBAGE, "x"), (A, "profile.name"), foreign=(1,)) == MISNAMED


def test_other_keys_and_other_partitions_have_their_own_versions() -> None:
    log = [
        Record("log", partition, offset, 0, key, A, [("changed", b"*")])
        for partition in (0, 1)
        for offset, key in enumerate((b"fynd/t/1", b"fynd/t/2"))
    ]
    assert check_names("users", log, set()) == RIGHT


def test_behind_a_missing_offset_only_the_form_is_checked() -> None:
    assert checked((AB, "profile.email"), (A, "*"), first=3) == RIGHT
    assert checked((AB, "profile.email,profile.email"), first=3) == MISNAMED
    gap = [(0, A, b"*"), (2, AB, b"status"), (3, A, b"*"), (4, AB, b"points")]
    log = [Record("log", 0, offset, 0, b"fynd/t/1", row, [("changed", names)]) for offset, row, names in gap]
    assert check_names("users", log, set()) == MISNAMED
