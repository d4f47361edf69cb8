"""Times: RFC 3339 texts and integer microseconds."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.times import AFTER_ALL, BEFORE_ALL, YEAR_2000, YEAR_10000, format_micros, parse_rfc3339, sortable

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
YEAR_1 = -62_135_596_800_000_000
instants = st.integers(YEAR_1, YEAR_10000 - 1)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2021-07-05T07:46:49.139224Z", "2021-07-05T07:46:49.139224Z"),
        ("2021-07-05t07:46:49.139224z", "2021-07-05T07:46:49.139224Z"),
        ("2021-07-05 07:46:49Z", "2021-07-05T07:46:49.000000Z"),
        ("2021-07-05T07:46:49.1Z", "2021-07-05T07:46:49.100000Z"),
        ("2021-07-05T07:46:49.1392249Z", "2021-07-05T07:46:49.139224Z"),
        ("2021-07-05T07:46:49.999999999999999999Z", "2021-07-05T07:46:49.999999Z"),
        ("2021-07-05T09:46:49+02:00", "2021-07-05T07:46:49.000000Z"),
        ("2021-07-05T00:16:49-07:30", "2021-07-05T07:46:49.000000Z"),
        ("2021-07-05T07:46:49-00:00", "2021-07-05T07:46:49.000000Z"),
        ("2024-02-29T23:59:59Z", "2024-02-29T23:59:59.000000Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000000Z"),
        ("2017-01-01T00:59:60.5+01:00", "2017-01-01T00:00:00.000000Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"),
        ("9999-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_a_time_is_read_and_written_in_the_one_form(text: str, same: str) -> None:
    micros = parse_rfc3339(text)
    assert micros is not None
    assert format_micros(micros) == same


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2021-07-05",
        "2021-07-05T07:46:49",  # no offset
        "2021-07-05T07:46Z",
        "2021-07-05T07:46:49.Z",
        "2021-07-05T07:46:49,5Z",
        "2021-07-05T07:46:49+0200",
        "2021-07-05T07:46:49+02",
        "2021-07-05T07:46:49+24:00",
        "2021-07-05T07:46:49+02:60",
        "2021-07-05T07:46:49Z ",
        "2021-07-05T07:46:49Z\n",
        " 2021-07-05T07:46:49Z",
        "2021-07-05_07:46:49Z",
        "2021-7-5T07:46:49Z",
        "2021-02-29T00:00:00Z",
        "2021-00-01T00:00:00Z",
        "2021-07-32T00:00:00Z",
        "2021-07-05T25:00:00Z",
        "2021-07-05T07:60:00Z",
        "2021-07-05T07:46:61Z",
        "0000-01-01T00:00:00Z",
        "٢٠٢١-07-05T07:46:49Z",
        "20210705T074649Z",
        "2021-W27-1T00:00:00Z",
        "1625471209",
        # In UTC these are in the years 0 and 10000, because of their offsets.
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "9999-12-31T23:59:60Z",
    ],
)
def test_what_is_no_time_with_an_offset_is_none(text: str) -> None:
    assert parse_rfc3339(text) is None


@given(instants)
def test_an_instant_survives_its_text(micros: int) -> None:
    text = format_micros(micros)
    assert parse_rfc3339(text) == micros
    assert datetime.fromisoformat(text) == EPOCH + timedelta(microseconds=micros)
    assert len(text) == len("2021-07-05T07:46:49.139224Z")


@given(instants, instants)
def test_texts_order_like_their_instants(a: int, b: int) -> None:
    assert (format_micros(a) < format_micros(b)) == (a < b)


@given(
    st.datetimes(datetime(1000, 1, 1), datetime(9000, 1, 1)),  # noqa: DTZ001 - the zone is drawn apart
    st.integers(-1439, 1439),
)
def test_an_offset_is_taken_off(local: datetime, minutes: int) -> None:
    moment = local.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert parse_rfc3339(moment.isoformat()) == (moment - EPOCH) // timedelta(microseconds=1)


def test_the_constants_are_the_years_they_name() -> None:
    assert format_micros(YEAR_2000) == "2000-01-01T00:00:00.000000Z"
    assert format_micros(YEAR_10000 - 1) == "9999-12-31T23:59:59.999999Z"


@pytest.mark.parametrize("micros", [YEAR_10000, YEAR_1 - 1, 10**30])
def test_what_no_calendar_has_cannot_be_written(micros: int) -> None:
    with pytest.raises(OverflowError):
        format_micros(micros)


@given(st.integers(-(10**18), 10**18), st.integers(-(10**18), 10**18))
def test_sortable_text_orders_like_all_instants(a: int, b: int) -> None:
    assert not (a < b and sortable(a) > sortable(b))


def test_what_no_year_holds_sorts_outside_of_all_years() -> None:
    assert sortable(YEAR_10000 - 1) < sortable(YEAR_10000) == AFTER_ALL
    assert sortable(-62_135_596_800_000_000) == "0001-01-01T00:00:00.000000Z"
    assert sortable(-62_135_596_800_000_001) == BEFORE_ALL
