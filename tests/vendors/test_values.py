"""Single values: which ones can be used, and what exactly they become."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, Raw

from app.times import AFTER_ALL, BEFORE_ALL, YEAR_2000, format_micros
from app.vendors.claims import birthdate, gender
from app.vendors.event_names import event_name
from app.vendors.model import Invalid
from app.vendors.tolerant_reader import NotJson
from app.vendors.values import (
    carried_time,
    epoch_time,
    event_time,
    id_text,
    optional_integer,
    require_epoch_time,
    require_id,
    require_integer,
)

SECONDS = 1_000_000
MILLISECONDS = 1_000


@pytest.mark.parametrize("name", ["string", "<string>", ""])
def test_a_placeholder_of_the_docs_is_an_unknown_event(name: str) -> None:
    with pytest.raises(Invalid) as invalid:
        event_name(name, "$.type")
    assert (invalid.value.reason, invalid.value.detail) == (
        "unknown_event",
        "$.type: expected a documented event name",
    )


@pytest.mark.parametrize("name", [UNSET, None, 5, True, 1.5, ["user.created"], {"name": "x"}])
def test_a_name_that_is_no_text_is_a_matter_of_shape(name: object) -> None:
    with pytest.raises(Invalid) as invalid:
        event_name(name, "$.type")
    assert (invalid.value.reason, invalid.value.detail) == ("schema", "$.type: expected str")


def test_any_other_text_is_a_name() -> None:
    assert event_name("String", "$.type") == "String"


@pytest.mark.parametrize(
    ("value", "text"),
    [("a", "a"), (" a ", " a "), ("nobody", "nobody"), (0, "0"), (-7, "-7"), (10**30, "1" + "0" * 30)],
)
def test_texts_and_integers_are_ids(value: object, text: str) -> None:
    assert id_text(value) == require_id(value, "$.id") == text


NOTHING = ["undefined", "null", "None", "nil", "NaN", "[object Object]"]
NO_IDS: list[object] = [
    *(spelt for it in NOTHING for spelt in (it, it.upper(), it.lower(), f" {it}\t", f"\u3000{it}\n")),
    *("", " ", "\t\u00a0", "x" * 1025, "é" * 513, 10**1024, True, False, 1.0, None, UNSET, {}, []),
]  # fmt: skip


@pytest.mark.parametrize("value", ["x" * 1024, "é" * 512, "nulls", "[object Object", 10**1023])
def test_an_id_has_up_to_1024_bytes_and_may_resemble_nothing(value: object) -> None:
    assert id_text(value) == str(value)


@pytest.mark.parametrize("value", NO_IDS, ids=range(len(NO_IDS)))
def test_anything_else_is_no_id(value: object) -> None:
    assert id_text(value) is None
    with pytest.raises(Invalid, match=r"^\$\.id: expected non-empty str or int$"):
        require_id(value, "$.id")


INTEGERS: list[tuple[object, int]] = [
    (5, 5), (0, 0), (-0.0, 0), (10.0, 10), (1e1, 10), (-2.0, -2), (-(2.0**63), -(2**63)),
    ("-2", -2), ("+2", 2), ("007", 7), ("-0", 0), ("0" * 10_000 + "8", 8), (str(2**63 - 1), 2**63 - 1),
    (2**63 - 1, 2**63 - 1), (-(2**63), -(2**63)),
]  # fmt: skip
NO_INTEGERS: list[object] = [
    "1.0", "1e2", " 1", "1 ", "1_0", "٣", "0x1", "--1", "+", "9" * 30, "9" * 5000, str(2**63),
    1.5, 1e300, 2.0**63, float("inf"), float("nan"), 2**63, -(2**63) - 1, 10**5000,
    True, False, [], [1], {},
]  # fmt: skip


@pytest.mark.parametrize(("value", "number"), INTEGERS)
def test_integers_may_come_as_text_and_as_any_number_that_is_one(value: object, number: int) -> None:
    left_out: list[str] = []
    found = require_integer(value, "$.score"), optional_integer(value, "score", left_out)
    assert found == (number, number)
    assert {type(it) for it in found} == {int}
    assert left_out == []


@pytest.mark.parametrize("value", NO_INTEGERS, ids=range(len(NO_INTEGERS)))
def test_what_is_no_integer_of_64_bits_is_refused_or_left_out(value: object) -> None:
    left_out: list[str] = []
    with pytest.raises(Invalid, match=r"^\$\.score: expected int$"):
        require_integer(value, "$.score")
    assert optional_integer(value, "score", left_out) is None
    assert left_out == ["score"]


@pytest.mark.parametrize("value", ["", None, UNSET])
def test_an_integer_that_is_not_there_is_left_out_only_where_nobody_needs_it(value: object) -> None:
    left_out: list[str] = []
    with pytest.raises(Invalid):
        require_integer(value, "$.score")
    assert optional_integer(value, "score", left_out) is None
    assert left_out == []


@pytest.mark.parametrize("value", [None, UNSET])
def test_null_in_a_chain_of_clocks_is_as_absent(value: object) -> None:
    assert event_time(value, "$.at") is None


@pytest.mark.parametrize("value", ["", "now", "2024-01-01", "2024-01-01T00:00:00", 5, 1.5, True, [], {}])
def test_a_clock_that_cannot_be_read_is_refused(value: object) -> None:
    with pytest.raises(Invalid) as invalid:
        event_time(value, "$.at")
    assert (invalid.value.reason, invalid.value.detail) == (
        "schema",
        "$.at: expected an RFC 3339 time with an offset",
    )


def test_a_clock_is_read_to_the_microsecond() -> None:
    assert event_time("2000-01-01T00:00:00.0000019Z", "$.at") == format_micros(YEAR_2000 + 1)


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
    assert epoch_time(Raw(text.encode()), SECONDS, "$.created") == format_micros(micros)


@pytest.mark.parametrize(
    ("text", "micros"),
    [("1686649727621", 1686649727621000), ("1686649727621.1239", 1686649727621123), ("1.5e3", 1500000)],
)
def test_milliseconds_are_exact_and_cut(text: str, micros: int) -> None:
    assert epoch_time(Raw(text.encode()), MILLISECONDS, "$.at") == format_micros(micros)


@given(st.integers(0, 10**11), st.text(alphabet="0123456789", min_size=1, max_size=30))
def test_no_digit_of_a_decimal_is_lost_or_rounded(whole: int, fraction: str) -> None:
    exact = Decimal(f"{whole}.{fraction[:6]}").scaleb(6)
    assert epoch_time(Raw(f"{whole}.{fraction}".encode()), SECONDS, "$") == format_micros(int(exact))
    as_exponent = f"{int(f'{whole}{fraction[:6]}')}e-{len(fraction[:6])}"
    assert epoch_time(Raw(as_exponent.encode()), SECONDS, "$") == format_micros(int(exact))


def test_an_absent_or_null_number_is_none() -> None:
    assert epoch_time(UNSET, SECONDS, "$") is None
    assert epoch_time(Raw(b"null"), SECONDS, "$") is None
    assert epoch_time(Raw(b" 5 "), SECONDS, "$") == format_micros(5_000_000)


@pytest.mark.parametrize("text", ['"1625471209"', "true", "[]", "{}", '""'])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as invalid:
        epoch_time(Raw(text.encode()), SECONDS, "$.created")
    assert (invalid.value.reason, invalid.value.detail) == ("schema", "$.created: expected a number")


@pytest.mark.parametrize("text", ["1e30", "-1e30", "1" * 30, "1" * 400, "1e308", "-1e308"])
def test_a_number_beyond_every_calendar_stays_beyond_it(text: str) -> None:
    beyond = BEFORE_ALL if text.startswith("-") else AFTER_ALL
    assert epoch_time(Raw(text.encode()), SECONDS, "$.created") == beyond


@pytest.mark.parametrize(
    "text", ["1e-30", "1e-999999999", "0e999999999", "1e-99999999999999999999", "0e99999999999999999999"]
)
def test_a_number_next_to_nothing_is_1970(text: str) -> None:
    assert epoch_time(Raw(text.encode()), SECONDS, "$.created") == format_micros(0)


@pytest.mark.parametrize("text", ["1e999", "-1e999", "1" * 5000, '["\\ud83d"]', '"\\ud83d"'])
def test_a_number_or_text_that_cannot_be_decoded_is_not_json(text: str) -> None:
    with pytest.raises(NotJson):
        epoch_time(Raw(text.encode()), SECONDS, "$.created")


def test_a_carried_time_has_one_form() -> None:
    left_out: list[str] = []
    assert carried_time("2021-03-23T12:34:01.6374429+01:00", "at", left_out) == "2021-03-23T11:34:01.637442Z"
    assert carried_time(None, "at", left_out) is None
    assert carried_time("", "at", left_out) is None
    assert left_out == []
    assert carried_time("12:34", "at", left_out) is None
    assert left_out == ["at"]


@pytest.mark.parametrize("value", ["1990-12-24", "0000-12-24", "1990"])
def test_birth_dates_of_the_standard(value: str) -> None:
    left_out: list[str] = []
    assert birthdate(value, "born", left_out) == value
    assert left_out == []


@pytest.mark.parametrize(
    "value", ["24.12.1990", "1990-13-01", "1990-12-32", "1990-12-24T00:00:00Z", "90", "١٩٩٠"]
)
def test_other_birth_dates_are_left_out_and_named(value: str) -> None:
    left_out: list[str] = []
    assert birthdate(value, "born", left_out) is None
    assert left_out == ["born"]


@pytest.mark.parametrize(
    ("sent", "claim"),
    [("Male", "male"), ("FEMALE", "female"), ("male", "male"), ("X", "X"), ("Non-Binary", "Non-Binary")],
)
def test_only_the_genders_of_the_standard_are_lowered(sent: str, claim: str) -> None:
    assert gender(sent) == claim


@pytest.mark.parametrize(
    ("text", "micros"),
    [('"1686649727621"', 1686649727621000), ('"1686649727621.5"', 1686649727621500), ("7", 7000)],
)
def test_a_number_may_stand_in_a_text_if_the_vendor_writes_it_so(text: str, micros: int) -> None:
    raw = Raw(text.encode())
    assert require_epoch_time(raw, MILLISECONDS, "$.at", or_text=True) == format_micros(micros)


@pytest.mark.parametrize("text", ['"1686649727621"', '""', '"soon"', '"-1"', "{}", "null"])
def test_another_text_is_no_number(text: str) -> None:
    with pytest.raises(Invalid, match=r"^\$\.at: expected a number$"):
        require_epoch_time(Raw(text.encode()), MILLISECONDS, "$.at", or_text=text != '"1686649727621"')


@pytest.mark.parametrize("text", ["1625471209.139224", "1625471209.1", "1625471209", "-1.5", "-0.25", "1e9"])
def test_a_needed_time_in_seconds_is_that_of_the_number(text: str) -> None:
    raw = Raw(text.encode())
    assert require_epoch_time(raw, SECONDS, "$.created") == epoch_time(raw, SECONDS, "$.created")
