"""The run: two workers, a load of good records, doses of poison, and kills at random times."""

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from tests.kafka import Record
from tests.tools.faults.expected import Expected
from tests.tools.faults.failed import CaseFailed
from tests.tools.faults.pods import Pod
from tests.tools.faults.reading import seen_and_expected
from tests.tools.faults.stage import Stage
from tests.tools.faults.verifier import judge
from tests.tools.faults.watch import Offsets
from tests.tools.poison.broken_batches import BrokenBatches
from tests.tools.poison.dose import Boundary
from tests.tools.poison.doses import Doses
from tests.tools.poison.ends import End, Ends
from tests.tools.poison.figures import LONGEST_BLOCK_SECONDS, Figures, Reached
from tests.tools.poison.health import Health
from tests.tools.poison.memory import MemoryLimit
from tests.tools.poison.sender import Sender
from tests.tools.poison.turns import longest_turn

LIMIT_BYTES: Final = 1_000_000_000
VENDOR_TOPICS: Final = {
    "max_message_bytes": str(8 << 20),
    "message_timestamp_after_max_ms": str(2**63 - 1),
}
"""The settings of vendors' topics that let poison in."""
# The session timeout, so that a kill costs little. The embedded broker allows it.
SESSION_SECONDS: Final = "4"
_BURST: Final = 15
# The good records to each burst of poison; and more of them before a kill, so that it meets work.
_GOOD, _GOOD_TO_KILL = 150, 2_000
_PAUSE_SECONDS: Final = (0.1, 0.8)
_KILL_SECONDS: Final = (5.0, 12.0)
_IN_FLIGHT_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 10.0
# More uncommitted records than these are not made: poison has to meet workers that are busy, and not a queue.
_MOST_LAG: Final = 10_000


class Campaign:
    """One run on a new stage."""

    def __init__(
        self,
        stage: Stage,
        doses: Doses,
        *,
        data: Path,
        records: int,
        seed: int,
        say: Callable[[str], None],
    ) -> None:
        """`data`: the folder of the broker's data."""
        self._stage = stage
        self._records = records
        self._rng = Random(seed)
        self._say = say
        self._broken = BrokenBatches(data, time.monotonic)
        self._sender = Sender(stage.broker, stage.foreign, self._broken)
        self._doses = doses
        self._ends = Ends()
        self._asked: Counter[str] = Counter()
        self._counted: Counter[str] = Counter()
        self._figures = Figures(wanted=records, limit=LIMIT_BYTES)
        if doses.without:
            self._figures.to_reach = frozenset()
        self._began = time.monotonic()

    def run(self) -> Figures:
        """Returns the figures. Whatever goes wrong on the way is one of their problems."""
        stage, figures = self._stage, self._figures
        skipped: Counter[Reached] = Counter()
        stage.steady(hooked=True, FAULTS_SESSION=SESSION_SECONDS, FAULTS_TURNS="1")
        with MemoryLimit(stage.pods, LIMIT_BYTES) as memory, Health(stage.pods) as health:
            try:
                self._poison(memory)
                self._rest(memory)
                skipped = _skipped(stage.pods)
            except CaseFailed as failed:
                told = [f"{pod.name}: {why}" for pod in stage.pods if (why := pod.problems())]
                figures.problems.append("; ".join([str(failed), *told]))
            self._note_ends(memory)
        figures.problems += stage.stop_all()
        found, expected = seen_and_expected(stage.broker, stage.settings, stage.foreign)
        figures.report = judge(found, expected)
        figures.reached = _reached(found.dead_letters, expected) + skipped + self._broken.reached
        figures.poisoned = sum(self._sender.sent.values())
        figures.ends, figures.loops = self._ends.found, self._ends.loops()
        figures.repeated_kinds = self._ends.repeated_kinds()
        figures.peak, figures.longest_block, figures.answers = memory.peak, health.longest, health.answers
        figures.blocks = sum(block.seconds > LONGEST_BLOCK_SECONDS for block in health.blocks)
        figures.slowest = sorted(health.blocks, key=lambda block: -block.seconds)[:3]
        figures.longest_turn = longest_turn(stage.folder)
        figures.seconds = time.monotonic() - self._began
        return figures

    def _poison(self, memory: MemoryLimit) -> None:
        doses = iter(self._doses)
        looked = self._look()
        kill_at = time.monotonic() + self._rng.uniform(*_KILL_SECONDS)
        while sum(self._sender.sent.values()) < self._records:
            self._stage.load.publish(_GOOD)
            for _ in range(_BURST):
                self._sender.send(next(doses))
            self._note_ends(memory)
            now = time.monotonic()
            if now >= kill_at:
                self._kill(self._rng.choice(self._stage.pods))
                kill_at = time.monotonic() + self._rng.uniform(*_KILL_SECONDS)
            if now - looked > _LOOK_SECONDS:
                looked = self._look()
                self._tell(memory)
            self._wait_for_room(memory)
            time.sleep(self._rng.uniform(*_PAUSE_SECONDS))

    def _look(self) -> float:
        self._doses.changelog.look(self._stage.broker, self._stage.foreign)
        return time.monotonic()

    def _wait_for_room(self, memory: MemoryLimit) -> None:
        def room() -> bool:
            self._note_ends(memory)
            seen = self._seen()
            return seen is not None and seen.lag() < _MOST_LAG

        self._stage.wait(room, f"less than {_MOST_LAG} records that are not committed", 120.0)

    def _seen(self) -> Offsets | None:
        """Returns the present offsets, by which broken batches are mended."""
        seen = self._stage.watch.look()
        self._broken.mend(seen)
        return seen

    def _kill(self, pod: Pod) -> None:
        """Kills a worker, if possible while it has slices in flight."""
        self._stage.load.publish(_GOOD_TO_KILL)
        end = time.monotonic() + _IN_FLIGHT_SECONDS
        while not (in_flight := pod.alive and _commit_age(pod) > 0) and time.monotonic() < end:
            time.sleep(0.02)
        if not pod.alive:
            return
        self._asked[pod.name] += 1
        pod.signal(signal.SIGKILL)
        self._figures.kills += 1
        self._figures.kills_in_flight += in_flight

    def _rest(self, memory: MemoryLimit) -> None:
        """Kills both workers, so that they restore their tables from changelogs with all the poison."""
        stage = self._stage
        for pod in stage.pods:
            self._kill(pod)
        stage.load.flush()
        self._say("waiting until everything is committed")

        def at_rest() -> bool:
            self._note_ends(memory)
            seen = self._seen()
            return seen is not None and seen.passed(seen.ends) and not self._broken

        stage.wait(at_rest, "all offsets committed to their ends", 180.0)
        stage.wait_ready()

    def _note_ends(self, memory: MemoryLimit) -> None:
        for pod in self._stage.pods:
            for code in pod.exits[self._counted[pod.name] :]:
                self._counted[pod.name] += 1
                if code == -signal.SIGKILL and self._asked[pod.name]:
                    self._asked[pod.name] -= 1
                    continue
                reason = "over the limit of memory" if code == -signal.SIGKILL else _reason(pod, code)
                self._ends.add(End(code, reason), self._stage.watch.look(), self._sender.kinds)
                self._say(f"{pod.name} ended with {code}: {reason}")

    def _tell(self, memory: MemoryLimit) -> None:
        seen = self._stage.watch.look()
        self._say(
            f"{time.monotonic() - self._began:4.0f} s  {sum(self._sender.sent.values())} poisoned,"
            f" {self._stage.load.published} good, lag {seen.lag() if seen else '?'},"
            f" {self._figures.kills} kills, {len(self._ends.found)} other ends,"
            f" peak {memory.peak / 1e6:.0f} MB"
        )


def _reason(pod: Pod, code: int) -> str:
    if code == 70 and (reasons := pod.reasons()):
        return reasons[-1]
    return (pod.log_tail().strip().splitlines() or ["nothing was said"])[-1][:200]


def _commit_age(pod: Pod) -> float:
    for line in pod.metrics().splitlines():
        if line.startswith("rollcall_commit_age_seconds "):
            return float(line.split()[1])
    return 0.0


def _skipped(pods: Iterable[Pod]) -> Counter[Reached]:
    """Returns how many records of changelogs the workers have skipped since their start, by kind."""
    found: Counter[Reached] = Counter()
    for pod in pods:
        for family in text_string_to_metric_families(pod.metrics()):
            for sample in family.samples:
                if sample.name == "rollcall_changelog_records_skipped_total" and sample.value:
                    found["changelog", sample.labels["kind"]] += int(sample.value)
    return found


def _reached(dead_letters: Iterable[Record], expected: Expected) -> Counter[Reached]:
    """Returns how many dead letters there are, by boundary and reason, and the skips of vendors' records."""
    found: Counter[Reached] = Counter()
    for record in dead_letters:
        headers = dict(record.headers)
        vendor, reason = ((headers.get(name) or b"").decode() for name in ("x-vendor", "x-reason"))
        boundary: Boundary = vendor if vendor in ("canonical", "changelog") else "vendor"  # type: ignore[assignment]
        found[boundary, reason] += 1
    for reason, count in expected.skips.items():
        found["vendor", reason] += count
    return found
