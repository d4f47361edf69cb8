"""The soak's own arithmetic, without Kafka."""

import random
from pathlib import Path

import pytest

from app.engine.tables import restore
from tests.tools.faults.pods import Reading, readings_in
from tests.tools.soak.account import Account
from tests.tools.soak.figures import Figures, Half
from tests.tools.soak.kills import Kill, growth, read_by
from tests.tools.soak.latency import Histogram
from tests.tools.soak.ledger import Ledger
from tests.tools.soak.sampler import Sample, Usage
from tests.tools.soak.table import markdown, summary, table
from tests.tools.soak.trend import settled, slope


def histogram(*seconds: float) -> Histogram:
    found = Histogram()
    for each in seconds:
        found.add(each)
    return found


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99, 1.0])
def test_a_percentile_is_the_true_one_or_up_to_two_percent_more(share: float) -> None:
    draw = random.Random(7)
    values = sorted(draw.lognormvariate(-1, 2) + 0.001 for _ in range(10_000))
    found = histogram(*values).percentile(share)
    true = values[round(share * len(values)) - 1]
    assert found is not None
    assert true <= found <= true * 1.0201


def test_latencies_out_of_range_count_at_the_ends() -> None:
    """Such latencies come from a clock that was set back, and from an outage of days."""
    found = histogram(-3.0, 0.0, 1e9)
    assert found.percentile(0.6) == 0.001
    assert (found.percentile(1.0) or 0) > 14 * 3600


def test_nothing_has_no_percentile() -> None:
    assert Histogram().percentile(0.5) is None


def test_the_slope_is_that_of_the_line() -> None:
    assert slope([(0.0, 5.0), (1.0, 7.0), (2.0, 9.0)]) == pytest.approx(2.0)
    assert slope([(0.0, 3.0), (1.0, 4.0), (2.0, 3.0)]) == pytest.approx(0.0)


@pytest.mark.parametrize("points", [[], [(1.0, 5.0)], [(1.0, 5.0), (1.0, 6.0)]])
def test_too_few_points_make_no_line(points: list[tuple[float, float]]) -> None:
    assert slope(points) is None


def test_the_first_fifth_is_left_out() -> None:
    warm_up = [(float(at), 50.0 * at) for at in range(20)]
    steady = [(float(at), 1_000.0) for at in range(20, 100)]
    assert slope(settled(warm_up + steady)) == pytest.approx(0.0)
    assert settled([]) == []


def test_what_is_marked_is_known_and_nothing_else() -> None:
    ledger = Ledger(["users/0", "users/1"])
    assert ledger.mark("users/0", 200_000)
    assert ledger.mark("users/0", 200_000)
    assert ledger.mark("users/1", 0)
    assert ledger.marked("users/0", 200_000)
    assert ledger.marked("users/1", 0)
    others = [("users/0", 0), ("users/0", 199_999), ("users/0", 200_001), ("users/1", 10**9)]
    assert not any(ledger.marked(*other) for other in others)


@pytest.mark.parametrize(("partition", "offset"), [("elsewhere/0", 0), ("users/1", 0), ("users/0", -1)])
def test_a_place_that_is_no_source_marks_nothing(partition: str, offset: int) -> None:
    assert not Ledger(["users/0"]).mark(partition, offset)


def figures() -> Figures:
    """Returns figures of a soak with one worker that meets every demand."""
    quiet = Half(
        histogram(0.1, 0.1, 0.1),
        [Sample(second / 60, 0.5, {"w1": Usage(100 + second / 60, 40)}) for second in range(120)],
    )
    killing = Half(histogram(0.1, 6.0), [Sample(2.0, 4.0, {}), Sample(2.1, None, {"w1": Usage(90, 43)})])
    return Figures(
        minutes=4.0,
        capacity=1_000.0,
        rate=700.0,
        published=9_000,
        kills=[Kill(8.0, 9.0, reading=1.0, records=100_000), Kill(10.0, 15.0, reading=2.5, records=400_000)],
        bound=9.0,
        quiet=quiet,
        killing=killing,
        account=Account(records=9_000, rows=100),
        strange=0,
        exits={-9: 2},
        stops=[],
    )


def test_the_table_tells_each_figure() -> None:
    told = dict(line.rsplit("  ", 1) for line in table(figures()).splitlines())
    told = {what.strip(): value.strip() for what, value in told.items()}
    assert told["w1, first half: RSS slope, MB/min"] == "1.00"
    assert told["w1, first half: RSS begin / end, MB"] == "100.0 / 102.0"
    assert told["w1, half with kills: RSS largest, MB"] == "90.00"
    assert told["w1: open files begin / largest / end"] == "40 / 43 / 43"
    assert told["half with kills: lag median / largest, s"] == "4.00 / 4.00"
    assert told["kills: all caught up after, median / largest, s"] == "12.00 / 15.00"
    assert told["kill 2: all ready after, s / of it reading, s / records read / the rest, s"] == (
        "10.00 / 2.50 / 400,000 / 7.50"
    )
    assert told["kills: the rest, median / largest, s"] == "7.25 / 7.50"
    assert told["kills: the rest grows from the first to the last by, s"] == "0.50"
    assert told["kills: reading, us a record"] == "7.00"
    assert "RED" not in table(figures())
    assert "red" not in markdown(figures())


def test_the_last_line_has_what_the_claim_is_about() -> None:
    words = summary(figures()).split()
    told = dict(zip(words[::2], words[1::2], strict=True))
    assert told["soak/lost"] == told["soak/wrong_rows"] == "0"
    assert told["soak/kills"] == "2"
    assert told["soak/ready/max"] == "10.00"
    assert told["soak/reading/max"] == "2.50"
    assert told["soak/rest/max"] == "7.50"
    assert told["soak/rest/bound"] == "9.00"
    assert told["soak/rest/growth"] == "0.50"


def test_a_soak_without_kills_tells_no_times_of_kills() -> None:
    quiet = figures()
    quiet.kills = []
    assert "soak/rest/max - " in summary(quiet)
    assert "kills: the rest, median / largest, s" in table(quiet)


def test_growth_is_that_of_the_line_so_one_slow_kill_in_the_middle_is_none() -> None:
    assert growth([7.0, 9.0, 7.0]) == pytest.approx(0.0)
    assert growth([7.0, 8.0, 9.0, 10.0]) == pytest.approx(3.0)
    assert growth([7.0]) is None


def test_the_reading_is_that_of_the_worker_that_read_for_longest_in_all_its_restores() -> None:
    workers = [[Reading(900, 2.0)], [Reading(500, 1.5), Reading(600, 1.0)], []]
    assert read_by(workers) == Reading(1_100, 2.5)
    assert read_by([[], []]) == Reading(0, 0.0)


def test_a_restore_is_read_from_the_line_that_a_worker_logs() -> None:
    line = "restored %d partitions: %d changelog records in %.2f s, %d rows written again"
    assert line in Path(restore.__file__).read_text("utf-8")
    log = f"x\n2026-11-30T22:35:41Z [info] {line % (6, 37_000, 1.98, 0)} [app]\n{line % (2, 5, 0.1, 1)}\n"
    assert readings_in(log) == [Reading(37_000, 1.98), Reading(5, 0.1)]


@pytest.mark.parametrize(
    "exits", [{-9: 2, 70: 1}, {-9: 3}, {-9: 1}, {-9: 2, 0: 1}], ids=["70", "more", "fewer", "left"]
)
def test_an_end_that_is_no_kill_of_ours_is_a_failure(exits: dict[int, int]) -> None:
    red = figures()
    red.exits = exits
    assert len(red.failures()) == 1


@pytest.mark.parametrize("count", ["lost", "wrong_rows", "uncommitted"])
def test_each_broken_demand_is_a_failure_and_is_shown(count: str) -> None:
    red = figures()
    setattr(red.account, count, 3)
    assert len(red.failures()) == 1
    assert "RED: 3 " in table(red)
    assert "(red)" in markdown(red)


def test_records_that_cannot_be_found_again_are_a_failure() -> None:
    red = figures()
    red.account.records -= 1
    assert len(red.failures()) == 1
