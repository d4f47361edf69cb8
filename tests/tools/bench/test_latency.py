"""What the bench `latency` samples, what it says, and the worker that it runs, without Kafka."""

import io
import itertools
import math
from statistics import median
from typing import Any

import pytest
from rich.console import Console

import app.worker
from app.canonical import decode_event, encode_event
from app.cli.convert import Line
from app.outcome import Emit
from app.settings import Settings
from app.state import apply, decode_loyalty, decode_user
from app.vendors import VENDORS, Options, convert
from tests.tools.bench.__main__ import main
from tests.tools.bench.convert_ratio import RECORDED_MS
from tests.tools.bench.figures import Report, show
from tests.tools.bench.latency import Load, Measurement, report_of
from tests.tools.bench.lingering import linger
from tests.tools.bench.machine import Machine
from tests.tools.bench.rows import versions_of_rows
from tests.tools.bench.samples import Latencies, Paced, Sample, Samples, paced_records
from tests.tools.soak.latency import Histogram

USERS = 50


def test_each_sample_has_a_user_of_its_own() -> None:
    records = paced_records(1_000, 400, USERS, 4, itertools.count(USERS))
    keys = [record.sample.key for record in records if record.sample]
    others = {record.key for record in records if not record.sample}
    assert keys == [b"selfcommunity/default/%d" % (USERS + 1 + number) for number in range(100)]
    assert others <= {b"%d" % user for user in range(USERS)}


def test_a_sample_changes_as_many_rows_as_it_waits_for() -> None:
    rows = {key: (users, loyalty) for key, users, loyalty in versions_of_rows(USERS + 10)}
    records = paced_records(1_000, 40, USERS, 4, itertools.count(USERS))
    found = [(changed_rows(record, rows), record.sample.rows) for record in records if record.sample]
    assert [changed for changed, _ in found] == [waited for _, waited in found]
    assert {waited for _, waited in found} == {1, 2}


def changed_rows(record: Paced, rows: dict[bytes, tuple[bytes, bytes]]) -> int:
    outcome = convert(VENDORS["selfcommunity"], Line(0, RECORDED_MS, [], record.body), "bench/0", Options())
    assert isinstance(outcome, Emit)
    event = decode_event(encode_event(outcome.events[0]))
    user, loyalty = rows[event.partitionkey.encode()]
    before = decode_user(user), decode_loyalty(loyalty)
    new_user, new_loyalty, _ = apply(event, *before)
    return (new_user != before[0]) + (new_loyalty != before[1])


def test_a_latency_begins_at_the_due_time_and_ends_with_the_last_row() -> None:
    samples = Samples()
    samples.sent(Sample(b"u", 2), due=10.0, counts=True)
    samples.seen(b"u", 10.2, is_event=False)
    samples.seen(b"u", 10.5, is_event=True)
    assert samples.latencies.rows.percentile(1.0) is None
    assert len(samples) == 1
    samples.seen(b"u", 11.0, is_event=False)
    assert len(samples) == 0
    events, rows = (each.percentile(1.0) for each in samples.latencies)
    assert events == pytest.approx(0.5, rel=0.02)
    assert rows == pytest.approx(1.0, rel=0.02)


def test_a_sample_of_the_first_seconds_is_waited_for_and_does_not_count() -> None:
    samples = Samples()
    samples.sent(Sample(b"u", 1), due=10.0, counts=False)
    samples.seen(b"other", 10.1, is_event=True)
    samples.seen(b"u", 10.1, is_event=True)
    assert len(samples) == 1
    samples.seen(b"u", 10.1, is_event=False)
    assert len(samples) == 0
    assert [each.percentile(1.0) for each in samples.latencies] == [None, None]


def measurement(seconds: float) -> Measurement:
    latencies = Latencies(Histogram(), Histogram())
    for histogram in latencies:
        histogram.add(seconds)
    return Measurement(latencies, cpu=50.0, idle=0.4, others=0.05)


def test_the_last_line_has_the_median_of_each_figure_and_names_the_linger_if_there_are_several() -> None:
    rounds = [measurement(seconds) for seconds in (0.1, 0.4, 0.2)]
    report = report_of({None: [9_000.0], 5: [8_000.0]}, {Load(None, 50): rounds, Load(5, 80): rounds[:1]})
    names, values = report.summary.split()[::2], [float(value) for value in report.summary.split()[1::2]]
    told = dict(zip(names, values, strict=True))
    assert told["latency/capacity"] == 9_000
    assert told["latency/50/rows/p99"] == pytest.approx(200, rel=0.02)
    assert told["latency/linger-5/80/events/p99.9"] == pytest.approx(100, rel=0.02)
    assert told["latency/50/idle"] == 0.4
    (goal,) = [figure for figure in report.figures if figure.goal]
    assert median(goal.values) == pytest.approx(told["latency/50/rows/p99"], rel=0.001)


def test_the_linger_reaches_both_producers(monkeypatch: pytest.MonkeyPatch) -> None:
    worker: Any = app.worker
    monkeypatch.setattr(worker, "producer_options", worker.producer_options)
    linger(2.5)
    assert worker.producer_options(Settings()).linger_seconds == 0.0025


def test_the_machine_is_never_used_by_more_than_all_of_it() -> None:
    machine = Machine()
    sum(math.sqrt(number) for number in range(1_000_000))
    use = machine.use()
    assert 0 <= use.idle <= 1
    assert 0 <= use.others <= 1


@pytest.mark.parametrize(
    "arguments",
    [["--linger", "0"], ["--linger", "ten"], ["--shares", "50,-1"], ["--seconds", "0"], ["convert"]],
)
def test_a_load_that_cannot_be_is_a_usage_error(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["latency", *arguments])
    assert ended.value.code == 2
    assert "error" in capsys.readouterr().err


def test_a_long_last_line_stays_one_line() -> None:
    told = io.StringIO()
    show(Console(file=told, width=120), [Report(summary="latency/50/rows/p99 41.20 " * 30)])
    assert told.getvalue().splitlines()[-1].count("latency/50/rows/p99") == 30
