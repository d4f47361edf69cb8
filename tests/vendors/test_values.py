"""Single values: which of them can be used, and exactly what becomes of them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, Raw

from app.times import AFTER_ALL, BEFORE_ALL, YEAR_2000, format_micros
from app.vendors.model import Refused
from app.vendors.reading import NotJson
from app.vendors.values import (
    birthdate,
    carried_time,
    clock,
    event_name,
    gender,
    identity,
    integer,
    needed_id,
    number_clock,
    unknown_event,
)

SECONDS = 1_000_000
MILLISECONDS = 1_000


@pytest.mark.parametrize("name", ["string", "<string>", ""])
def test_a_placeholder_of_the_docs_is_an_unknown_event(name: str) -> None:
    with pytest.raises(Refused) as refused:
        event_name(name, "$.type")
    assert (refused.value.reason, refused.value.detail) == (
        "unknown_event",
        "$.type: expected a documented event name",
    )


@pytest.mark.parametrize("name", [UNSET, None, 5, True, 1.5, ["user.created"], {"name": "x"}])
def test_a_name_that_is_no_text_is_a_matter_of_shape(name: object) -> None:
    with pytest.raises(Refused) as refused:
        event_name(name, "$.type")
    assert (refused.value.reason, refused.value.detail) == ("schema", "$.type: expected str")


def test_any_other_text_is_a_name() -> None:
    assert event_name("String", "$.type") == "String"
    assert unknown_event("$.type").reason == "unknown_event"


@pytest.mark.parametrize(
    ("value", "text"), [("a", "a"), (" ", " "), (0, "0"), (-7, "-7"), (10**30, "1" + "0" * 30)]
)
def test_texts_and_integers_are_ids(value: object, text: str) -> None:
    assert identity(value) == needed_id(value, "$.id") == text


@pytest.mark.parametrize("value", ["", True, False, 1.0, None, UNSET, {}, []])
def test_anything_else_is_no_id(value: object) -> None:
    assert identity(value) is None
    with pytest.raises(Refused, match=r"^\$\.id: expected non-empty str or int$"):
        needed_id(value, "$.id")


@pytest.mark.parametrize(
    ("value", "number"), [(5, 5), (0, 0), ("-2", -2), ("+2", 2), ("007", 7), (2**63 - 1, 2**63 - 1)]
)
def test_integers_may_come_as_text(value: object, number: int) -> None:
    assert integer(value, "$.score") == number


@pytest.mark.parametrize(
    "value", ["", "1.0", "1e2", " 1", "1 ", "1_0", "٣", "0x1", 1.5, True, None, UNSET, [], 2**63, "9" * 30]
)
def test_what_is_no_integer_of_64_bits_is_refused(value: object) -> None:
    with pytest.raises(Refused, match=r"^\$\.score: expected int$"):
        integer(value, "$.score")


@pytest.mark.parametrize("value", [None, UNSET])
def test_null_in_a_chain_of_clocks_is_as_absent(value: object) -> None:
    assert clock(value, "$.at") is None


@pytest.mark.parametrize("value", ["", "now", "2024-01-01", "2024-01-01T00:00:00", 5, 1.5, True, [], {}])
def test_a_clock_that_cannot_be_read_is_refused(value: object) -> None:
    with pytest.raises(Refused) as refused:
        clock(value, "$.at")
    assert (refused.value.reason, refused.value.detail) == (
        "schema",
        "$.at: expected an RFC 3339 time with an offset",
    )


def test_a_clock_is_read_to_the_microsecond() -> None:
    assert clock("2000-01-01T00:00:00.0000019Z", "$.at") == format_micros(YEAR_2000 + 1)


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("1625471209.139224", 1625471209139224),
        ("1625471209.1392249999", 1625471209139224),
        ("1625471209.999999999999999999999999", 1625471209999999),
        ("1625471209.1", 1625471209100000),
        ("1625471209", 1625471209000000),
        ("1625471209.0", 1625471209000000),
        ("1.625471209139224e9", 1625471209139224),
        ("1.625471209139224E+9", 1625471209139224),
        ("16254712091392249e-7", 1625471209139224),
        ("0", 0),
        ("-0", 0),
        ("-1.5", -1500000),
    ],
)
def test_decimal_seconds_are_exact_and_cut(text: str, micros: int) -> None:
    assert number_clock(Raw(text.encode()), SECONDS, "$.created") == format_micros(micros)


@pytest.mark.parametrize(
    ("text", "micros"),
    [("1686649727621", 1686649727621000), ("1686649727621.1239", 1686649727621123), ("1.5e3", 1500000)],
)
def test_milliseconds_are_exact_and_cut(text: str, micros: int) -> None:
    assert number_clock(Raw(text.encode()), MILLISECONDS, "$.at") == format_micros(micros)


@given(st.integers(0, 10**11), st.text(alphabet="0123456789", min_size=1, max_size=30))
def test_no_digit_of_a_decimal_is_lost_or_rounded(whole: int, fraction: str) -> None:
    exact = Decimal(f"{whole}.{fraction[:6]}").scaleb(6)
    assert number_clock(Raw(f"{whole}.{fraction}".encode()), SECONDS, "$") == format_micros(int(exact))
    as_exponent = f"{int(f'{whole}{fraction[:6]}')}e-{len(fraction[:6])}"
    assert number_clock(Raw(as_exponent.encode()), SECONDS, "$") == format_micros(int(exact))


def test_an_absent_or_null_number_is_none() -> None:
    assert number_clock(UNSET, SECONDS, "$") is None
    assert number_clock(Raw(b"null"), SECONDS, "$") is None
    assert number_clock(Raw(b" 5 "), SECONDS, "$") == format_micros(5_000_000)


@pytest.mark.parametrize("text", ['"1625471209"', "true", "[]", "{}", '""'])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(Refused) as refused:
        number_clock(Raw(text.encode()), SECONDS, "$.created")
    assert (refused.value.reason, refused.value.detail) == ("schema", "$.created: expected a number")


@pytest.mark.parametrize("text", ["1e30", "-1e30", "1" * 30, "1" * 400, "1e308", "-1e308"])
def test_a_number_beyond_every_calendar_stays_beyond_it(text: str) -> None:
    beyond = BEFORE_ALL if text.startswith("-") else AFTER_ALL
    assert number_clock(Raw(text.encode()), SECONDS, "$.created") == beyond


@pytest.mark.parametrize(
    "text", ["1e-30", "1e-999999999", "0e999999999", "1e-99999999999999999999", "0e99999999999999999999"]
)
def test_a_number_next_to_nothing_is_1970(text: str) -> None:
    assert number_clock(Raw(text.encode()), SECONDS, "$.created") == format_micros(0)


@pytest.mark.parametrize("text", ["1e999", "-1e999", "1" * 5000, '["\\ud83d"]', '"\\ud83d"'])
def test_a_number_or_text_that_cannot_be_decoded_is_not_json(text: str) -> None:
    with pytest.raises(NotJson):
        number_clock(Raw(text.encode()), SECONDS, "$.created")


def test_a_carried_time_has_one_form() -> None:
    odd: list[str] = []
    assert carried_time("2021-03-23T12:34:01.6374429+01:00", "at", odd) == "2021-03-23T11:34:01.637442Z"
    assert carried_time(None, "at", odd) is None
    assert carried_time("", "at", odd) is None
    assert odd == []
    assert carried_time("12:34", "at", odd) is None
    assert odd == ["at"]


@pytest.mark.parametrize("value", ["1990-12-24", "0000-12-24", "1990"])
def test_birth_dates_of_the_standard(value: str) -> None:
    odd: list[str] = []
    assert birthdate(value, "born", odd) == value
    assert odd == []


@pytest.mark.parametrize(
    "value", ["24.12.1990", "1990-13-01", "1990-12-32", "1990-12-24T00:00:00Z", "90", "١٩٩٠"]
)
def test_other_birth_dates_are_left_out_and_named(value: str) -> None:
    odd: list[str] = []
    assert birthdate(value, "born", odd) is None
    assert odd == ["born"]


@pytest.mark.parametrize(
    ("sent", "claim"),
    [("Male", "male"), ("FEMALE", "female"), ("male", "male"), ("X", "X"), ("Non-Binary", "Non-Binary")],
)
def test_only_the_genders_of_the_standard_are_lowered(sent: str, claim: str) -> None:
    assert gender(sent) == claim
