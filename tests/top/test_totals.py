"""`rollcall top` adds up what workers say, and makes rates of two answers of one worker."""

import pytest
from msgspec.structs import replace

from app.status import (
    LatencyStatus,
    PartitionStatus,
    RestoreStatus,
    Status,
    TableStatus,
    TopicStatus,
    VendorStatus,
)
from app.times import format_micros
from app.top.totals import SourceTotals, rates_between, sources

NOON = 1_767_614_400_000_000
BY_OPERATOR = "by an operator: a move"


def partition(number: int, *, lag: int | None = None, paused: str | None = None) -> PartitionStatus:
    return PartitionStatus(
        partition=number,
        committed=5,
        end=None if lag is None else 5 + lag,
        lag_records=lag,
        lag_seconds=None if lag is None else float(lag),
        age_seconds=None if lag is None else 1.0,
        paused=paused,
    )


def topic(vendor: str, *partitions: PartitionStatus) -> TopicStatus:
    lags = [each.lag_records for each in partitions if each.lag_records is not None]
    return TopicStatus(
        topic=f"topic.{vendor}",
        vendor=vendor,
        lag_records=sum(lags) if lags else None,
        lag_seconds=float(max(lags)) if lags else None,
        partitions=list(partitions),
    )


def status(*topics: TopicStatus, received: int = 0, applied: int = 0, seconds: float = 60.0) -> Status:
    """Returns the status of a worker that has received so many records of Magine since it started, and has
    applied so many events. `seconds`: how long it runs, from noon on."""
    return Status(
        version="0.2.0",
        instance="rollcall-1",
        group="rollcall",
        time=format_micros(NOON + round(seconds * 1_000_000)),
        uptime_seconds=seconds,
        ready=True,
        problems=[],
        rebalances=1,
        partitions=8,
        commit_age_seconds=0.0,
        oldest_write_seconds=0.0,
        oldest_dead_letter_seconds=None,
        clock_difference_seconds=None,
        latency=LatencyStatus(within_seconds=10.0, good=applied, total=received, buckets=[]),
        topics=list(topics),
        vendors=[
            VendorStatus(
                vendor="magine",
                paused=False,
                received=received,
                ahead=0,
                emitted=received - 5,
                skipped={"ping": 2},
                dead={"schema": 2, "not_json": 1},
                events={},
            )
        ],
        canonical_dead={"schema": 4},
        effects={"changed": applied},
        duplicates=0,
        incidents={},
        tables=[
            TableStatus(table="users", rows=1_200, bytes=40_000_000),
            TableStatus(table="loyalty", rows=34, bytes=2_000_000),
        ],
        restore=None,
    )


def test_the_workers_of_a_source_are_added_up() -> None:
    one = status(topic("magine", partition(0, lag=3), partition(1, lag=9)), topic("events"), received=100)
    two = status(
        topic("magine", partition(2, paused=BY_OPERATOR), partition(3, paused=BY_OPERATOR)),
        topic("events", partition(0, lag=0), partition(1, paused="died")),
        received=30,
        applied=7,
    )
    assert sources([one, two], [{"magine": 10.0, "events": 1.5}, {"magine": 2.0}]) == [
        SourceTotals(
            name="magine",
            partitions=4,
            handled=130,
            skipped=4,
            dead=6,
            rate=12.0,
            lag_records=12,
            lag_seconds=9.0,
            pauses={BY_OPERATOR: 2},
        ),
        SourceTotals(
            name="events",
            partitions=2,
            handled=15,
            skipped=0,
            dead=8,
            rate=1.5,
            lag_records=0,
            lag_seconds=0.0,
            pauses={"died": 1},
        ),
    ]


def test_what_nobody_knows_is_unknown() -> None:
    (source,) = sources([status(topic("fynd", partition(0)))])
    assert (source.rate, source.lag_records, source.lag_seconds) == (None, None, None)
    # A worker that shows a topic need not have counted anything of it.
    assert (source.handled, source.partitions) == (0, 1)
    assert sources([]) == []


def test_a_rate_is_made_of_two_answers() -> None:
    before, now = status(received=100, applied=1), status(received=150, applied=21, seconds=64.0)
    assert rates_between(before, now) == {"magine": 12.5, "events": 5.0}


@pytest.mark.parametrize("seconds", [60.0, 59.0])
def test_answers_of_one_moment_or_of_two_processes_make_no_rate(seconds: float) -> None:
    before = status(received=100)
    assert rates_between(before, status(received=150, seconds=seconds)) is None
    restarted = replace(status(received=3, seconds=70.0), uptime_seconds=2.0)
    assert rates_between(before, restarted) is None
    assert rates_between(before, replace(restarted, time="soon")) is None


RESTORING = RestoreStatus(rows_read=10, rows_to_go=20, seconds_left=90.0)
