"""How old records are when they are written: exact counts in buckets, a slice at a time."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from prometheus_client import CollectorRegistry

from app.age_histogram import BOUNDS, AgeHistogram, ages_of_stamps, ages_of_times
from app.applied_events import AppliedEvents
from app.canonical import Data, Event
from app.delay_metrics import FRESH_SECONDS
from app.metrics import Metrics
from app.times import format_micros
from tests.test_metrics import value

NOW = 1_763_700_000_000_000
NOW_MS = NOW // 1000


def counts(ages_ms: list[int]) -> list[int]:
    """The plain form."""
    return [sum(age <= bound * 1000 for age in ages_ms) for bound in (*BOUNDS, float("inf"))]


@given(st.lists(st.integers(-5_000, 400_000)))
def test_every_record_is_in_its_bucket(ages_ms: list[int]) -> None:
    by_stamp = ages_of_stamps([NOW_MS - age for age in ages_ms], NOW)
    by_time = ages_of_times([format_micros(NOW - age * 1000) for age in ages_ms], NOW)
    assert list(by_stamp.counts) == list(by_time.counts) == counts(ages_ms)
    assert round(by_stamp.sum * 1000) == sum(max(age, 0) for age in ages_ms)
    assert len(by_stamp) == len(by_time) == len(ages_ms)


@given(st.lists(st.integers(0, 400_000), min_size=1))
def test_the_sum_of_texts_is_that_of_some_of_them(ages_ms: list[int]) -> None:
    ages = ages_of_times([format_micros(NOW - age * 1000) for age in ages_ms], NOW)
    assert min(ages_ms) * len(ages) <= round(ages.sum * 1000, 3) <= max(ages_ms) * len(ages)
    if len(ages) <= 8:
        assert round(ages.sum * 1000) == sum(ages_ms)


def test_a_record_without_a_timestamp_has_no_age() -> None:
    ages = ages_of_stamps([-1, NOW_MS, -1, NOW_MS - 4_000], NOW)
    assert (len(ages), ages.within(0.1), ages.within(5.0), ages.sum) == (2, 1, 2, 4.0)
    assert len(ages_of_stamps([], NOW)) == len(ages_of_stamps([-1], NOW)) == 0


def test_a_text_that_is_no_time_has_a_bucket_and_no_age() -> None:
    ages = ages_of_times(["ada", "zzz"], NOW)
    assert (len(ages), ages.sum) == (2, 0.0)


def test_the_series_of_a_histogram_add_up() -> None:
    registry = CollectorRegistry()
    histogram = AgeHistogram("rollcall_test_seconds", "A test.", "vendor", registry)
    for age in (50, 50, 4_000, 1_000_000):
        histogram.observe(ages_of_stamps([NOW_MS - age], NOW), "fynd")
    histogram.observe(ages_of_stamps([NOW_MS], NOW), "amity")

    def of(suffix: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"rollcall_test_seconds_{suffix}", {"vendor": "fynd", **labels})

    assert [of("bucket", le=bound) for bound in ("0.1", "3.0", "5.0", "300.0", "+Inf")] == [2, 2, 3, 3, 4]
    assert (of("count"), of("sum")) == (4, 1_004.1)


def test_freshness_is_a_share_of_what_was_applied() -> None:
    metrics = Metrics()
    assert FRESH_SECONDS == 5.0
    late = (1, 5, 6)
    metrics.delays.applied_to_rows([format_micros(NOW - age * 1_000_000) for age in late], NOW)
    assert value(metrics, "rollcall_freshness_total") == 3
    assert value(metrics, "rollcall_freshness_good_total") == 2
    assert value(metrics, "rollcall_changelog_latency_seconds_bucket", le="5.0") == 2


def event(number: int = 0, *, ahead: float | None = 0.0, vendor: str = "magine") -> tuple[int, Event]:
    return number, Event(
        specversion="1.0",
        id=f"user.updated:{number}",
        source=f"/vendors/{vendor}/acme",
        type="user.updated",
        time=format_micros(NOW + round((ahead or 0.0) * 1_000_000)),
        partitionkey=f"{vendor}/acme/42",
        vendor=vendor,
        tenant="acme",
        data=Data(snapshot="full", user={"sub": "42"}),
        recordedtime=UNSET if ahead is None else format_micros(NOW),
    )


def test_events_ahead_of_their_record_are_counted_by_vendor() -> None:
    applied = AppliedEvents()
    applied.add([event(0, ahead=-60), event(1, ahead=300), event(2, ahead=300.000001)])
    applied.add([event(3, ahead=86_000, vendor="ada@example.com"), event(4, ahead=None)])
    assert applied.ahead == {"magine": 1, "other": 1}
    assert len(applied.recorded) == 4


def test_repeats_within_a_part_are_counted() -> None:
    applied = AppliedEvents()
    applied.add([event(0)])
    applied.add([event(1), event(2), event(1), event(1)])
    assert applied.duplicates == 2
