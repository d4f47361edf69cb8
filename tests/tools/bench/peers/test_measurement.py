"""The figures of the comparison: what counts, the ratios, the last line and the lines of JSON."""

import json

from msgspec.structs import replace

from tests.tools.bench.peers.job import Job, Shape
from tests.tools.bench.peers.measurement import (
    Measurement,
    caveats,
    last_line,
    line_of_ratios,
    line_of_run,
    peer_ratios,
    summaries,
)


def run(
    system: str,
    cpu_seconds: float,
    *,
    number: int = 1,
    shape: Shape = "full",
    problem: str = "",
    workload: str = "selfcommunity",
) -> Measurement:
    return Measurement(
        workload=workload,
        shape=shape,
        system=system,
        round=number,
        events=1_000_000,
        cpu_seconds=cpu_seconds,
        wall_seconds=cpu_seconds + 1,
        peak_bytes=int(cpu_seconds * 1e6),
        problem=problem,
    )


RUNS = [
    run("faust", 400.0, shape="map"),
    run("rollcall", 20.0, shape="map"),
    run("rollcall", 50.0),
    run("faust", 1000.0),
    run("streams", 60.0),
    run("streams", 100.0, number=2),
    run("rollcall", 40.0, number=2),
    run("faust", 900.0, number=2),
]


def test_the_last_line_has_every_ratio_in_the_round_that_is_best_for_the_peer() -> None:
    assert last_line(peer_ratios(summaries(RUNS))) == "map/faust 20.0 full/faust 20.0 full/streams 1.2"


def test_ratios_are_of_one_workload_which_names_them() -> None:
    mixed = [run("rollcall", 100.0, workload="mix"), run("faust", 150.0, workload="mix")]
    assert last_line(peer_ratios(summaries([*RUNS, *mixed]))).endswith("full/streams 1.2 mix/full/faust 1.5")


def test_ratios_are_of_one_round() -> None:
    ratios = {(each.shape, each.system): each.ratios for each in summaries(RUNS)}
    assert ratios["full", "faust"] == [20.0, 22.5]
    assert ratios["full", "rollcall"] == [1.0, 1.0]


def test_rollcall_comes_first_in_each_shape() -> None:
    assert [(each.shape, each.system) for each in summaries(RUNS)] == [
        ("map", "rollcall"),
        ("map", "faust"),
        ("full", "rollcall"),
        ("full", "faust"),
        ("full", "streams"),
    ]


def test_a_run_that_does_not_count_has_no_part_in_any_figure() -> None:
    runs = [*RUNS, run("quix", 1.0, problem="3 of 9 rows differ"), run("streams", 1.0, number=3)]
    found = summaries(runs)
    assert "full/quix" not in peer_ratios(found)
    # Rollcall has no third round, so the fastest run of this peer has no ratio.
    assert peer_ratios(found)["full/streams"] == 1.2
    assert min(each.least_cpu_micros for each in found if each.system == "streams") == 1.0


def test_without_a_run_of_rollcall_a_peer_has_no_ratio() -> None:
    assert peer_ratios(summaries([run("faust", 1.0)])) == {}


def test_what_one_has_to_know_is_said() -> None:
    assert list(caveats(RUNS)) == []
    again = replace(run("faust", 1.0, number=2), restarts=1)
    short = replace(run("faust", 1.0, number=3), events=1_000)
    told = list(caveats([again, short, run("quix", 1.0, problem="3 of 9 rows differ", workload="mix")]))
    assert "500,000" in told[0]
    assert told[1].startswith("full/faust, round 2: it stopped")
    assert told[2] == "mix/full/quix, round 1, does not count: 3 of 9 rows differ"


def test_each_run_is_a_line_of_json_and_so_are_all_ratios() -> None:
    failed = Measurement(workload="mix", shape="map", system="x", round=1, problem="it ended")
    lines = [line_of_run(RUNS[2]), line_of_run(failed), line_of_ratios({"full/faust": 21.34567})]
    assert all(line.endswith(b"}\n") for line in lines)
    first, second, ratios = map(json.loads, lines)
    assert first["cpu_micros"] == 50.0
    assert first["system"] == "rollcall"
    assert "cpu_micros" not in second
    assert second["workload"] == "mix"
    assert ratios == {"ratios": {"full/faust": 21.346}}


def test_a_program_reads_its_job_from_its_arguments() -> None:
    job = Job(shape="map", broker="127.0.0.1:1", group="peers-x", sources=("a", "b"), partitions=6)
    assert Job.of_arguments(job.arguments()) == job
