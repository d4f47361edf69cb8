"""One measured run, and what several of them say together. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Final

import msgspec
from msgspec import Struct

from tests.tools.bench.peers.job import Shape

OURS: Final = "rollcall"
USUAL: Final = "selfcommunity"
LEAST_EVENTS: Final = 500_000
"""Until then a JVM still compiles."""


class Measurement(Struct, frozen=True, kw_only=True):
    """One run of one system. A run with a `problem` does not count, and may have no figures."""

    workload: str
    shape: Shape
    system: str
    round: int
    events: int = 0
    """Records after the warm-up."""
    cpu_seconds: float = 0.0
    """What all threads of the process needed for these records: of a run with them, minus one without."""
    wall_seconds: float = 0.0
    peak_bytes: int = 0
    restarts: int = 0
    """How often the system stopped for good with work left, and ran again on new topics."""
    problem: str = ""

    @property
    def name(self) -> str:
        return name_of(self.workload, f"{self.shape}/{self.system}")

    @property
    def counts(self) -> bool:
        return not self.problem

    @property
    def cpu_micros(self) -> float:
        """The CPU time of the whole process an event, in microseconds."""
        return self.cpu_seconds / self.events * 1e6


class Summary(Struct, frozen=True, kw_only=True):
    """All runs of a system in one workload and shape that count, in the order of the rounds, and their ratios
    to Rollcall's run of the same round."""

    workload: str
    shape: Shape
    system: str
    runs: Sequence[Measurement]
    ratios: Sequence[float]

    @property
    def least_cpu_micros(self) -> float:
        return min(run.cpu_micros for run in self.runs)

    @property
    def wall_seconds(self) -> float:
        """The median of the seconds by the wall."""
        return median(run.wall_seconds for run in self.runs)

    @property
    def peak_bytes(self) -> int:
        return max(run.peak_bytes for run in self.runs)


def name_of(workload: str, name: str) -> str:
    """Returns `workload/name`; the name alone for SelfCommunity's, which is the usual one."""
    return name if workload == USUAL else f"{workload}/{name}"


def summaries(runs: Sequence[Measurement]) -> list[Summary]:
    """Returns a summary of each workload, shape and system with a run that counts: in the order in which they
    ran first, Rollcall before its peers."""
    found: dict[tuple[str, Shape, str], list[Measurement]] = {}
    for run in runs:
        if run.counts:
            found.setdefault((run.workload, run.shape, run.system), []).append(run)
    groups = list(dict.fromkeys(key[:2] for key in found))
    ours = {(run.workload, run.shape, run.round): run for run in runs if run.counts and run.system == OURS}
    return [
        Summary(
            workload=workload,
            shape=shape,
            system=system,
            runs=counted,
            ratios=[
                run.cpu_micros / ours[workload, shape, run.round].cpu_micros
                for run in counted
                if (workload, shape, run.round) in ours
            ],
        )
        for (workload, shape, system), counted in sorted(
            found.items(), key=lambda item: (groups.index(item[0][:2]), item[0][2] != OURS)
        )
    ]


def peer_ratios(found: Sequence[Summary]) -> dict[str, float]:
    """Returns, by `full/faust` or `mix/full/faust`, how many times Rollcall's CPU time an event the peer
    takes, in the round that is the best for the peer."""
    return {
        name_of(each.workload, f"{each.shape}/{each.system}"): min(each.ratios)
        for each in found
        if each.system != OURS and each.ratios
    }


def last_line(ratios: Mapping[str, float]) -> str:
    """Returns every ratio in one line: `full/faust 21.3 full/quix 3.4`."""
    return " ".join(f"{name} {ratio:.1f}" for name, ratio in ratios.items())


def caveats(runs: Sequence[Measurement]) -> Iterator[str]:
    """Yields what one has to know to read the figures."""
    if any(run.counts and run.events < LEAST_EVENTS for run in runs):
        yield f"with fewer than {LEAST_EVENTS:,} records after the warm-up no figure says anything"
    for run in runs:
        name = f"{run.name}, round {run.round}"
        if run.restarts:
            yield f"{name}: it stopped with work left, and was started again on new topics ({run.restarts})"
        if run.problem:
            yield f"{name}, does not count: {run.problem}"


def line_of_run(run: Measurement) -> bytes:
    """Returns the run as a line of JSON."""
    line = msgspec.structs.asdict(run)
    if run.events:
        line["cpu_micros"] = round(run.cpu_micros, 3)
    return msgspec.json.encode(line) + b"\n"


def line_of_ratios(ratios: Mapping[str, float]) -> bytes:
    """Returns all ratios as a line of JSON."""
    return msgspec.json.encode({"ratios": {name: round(each, 3) for name, each in ratios.items()}}) + b"\n"
