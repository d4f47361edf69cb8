"""Garbage on each kind of topic, and records that cost much memory or time.

The kinds are those of `make poison`, each of them several times.
"""

import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from random import Random

from app.vendors import VENDORS
from tests.tools.faults.cases.case import Case
from tests.tools.faults.cluster import Cluster, stock_broker
from tests.tools.faults.failed import CaseFailed
from tests.tools.faults.stage import Stage
from tests.tools.poison import canonical_doses, changelog_doses, vendor_doses
from tests.tools.poison.broken_batches import BrokenBatches, data_of
from tests.tools.poison.campaign import LIMIT_BYTES, VENDOR_TOPICS
from tests.tools.poison.canonical_doses import CanonicalDoses
from tests.tools.poison.changelog_doses import TABLES, ChangelogDoses
from tests.tools.poison.dose import BROKEN_BATCHES, Dose
from tests.tools.poison.figures import LONGEST_BLOCK_SECONDS
from tests.tools.poison.health import Health
from tests.tools.poison.memory import MemoryLimit
from tests.tools.poison.sender import Sender
from tests.tools.poison.turns import LONGEST_TURN_SECONDS, longest_turn
from tests.tools.poison.vendor_doses import VendorDoses

_RATE = 500
_EVENTS = 8_000
_SEED = 1
# These have cases of their own.
_TRANSACTIONS = tuple(kind for kind in vendor_doses.WEIGHTS if "transaction" in kind)
_BOMBS = tuple(kind for kind in vendor_doses.WEIGHTS if "bomb" in kind)
_BROKEN = tuple(BROKEN_BATCHES)
_MEMORY = ("tenants of 1 KiB and many users", "sixteen bodies of a mebibyte", "a header of 65 KB")
_TIME = ("a body of a mebibyte", "deep nesting")


def _vendors(stage: Stage, kinds: Iterable[str], times: int) -> Iterator[Dose]:
    doses = VendorDoses(Random(_SEED), stage.settings)
    for _ in range(times):
        for vendor in VENDORS:
            yield from (doses.of(kind, vendor) for kind in kinds)


def _garbage_of_vendors(stage: Stage) -> Iterator[Dose]:
    others = (*_TRANSACTIONS, *_BROKEN, *_BOMBS, *_MEMORY, *_TIME)
    kinds = [kind for kind in vendor_doses.WEIGHTS if kind not in others]
    yield from _vendors(stage, [*kinds, *["hostile body"] * 10], 3)


def _garbage_of_events(stage: Stage) -> Iterator[Dose]:
    doses = CanonicalDoses(Random(_SEED), stage.settings)
    for _ in range(10):
        yield from (
            doses.of(kind)
            for kind in canonical_doses.WEIGHTS
            if "transaction" not in kind and "bomb" not in kind and kind not in _BROKEN
        )


def _garbage_of_rows(stage: Stage) -> Iterator[Dose]:
    doses = ChangelogDoses(Random(_SEED), stage.settings)
    for _ in range(10):
        doses.look(stage.broker, stage.foreign)
        for table in TABLES:
            yield from (doses.of(kind, table) for kind in changelog_doses.WEIGHTS)


def _poisoned(doses: str, stage: Stage, _cluster: Cluster, events: int) -> None:
    """Gives the doses to running workers, and once more after a kill to workers that restore their tables."""
    sender = Sender(stage.broker, stage.foreign)
    stage.steady()
    with stage.flow(_RATE, events):
        for dose in _DOSES[doses](stage):
            sender.send(dose)
        _no_end(stage)
        stage.work_left()
        for pod in stage.pods:
            pod.signal(signal.SIGKILL)
        stage.recovered()
        stage.wait_ready()
    stage.notes.append(f"{sum(sender.sent.values())} poisoned records")


_DOSES = {"vendors": _garbage_of_vendors, "canonical": _garbage_of_events, "changelogs": _garbage_of_rows}


def _transactions(stage: Stage, _cluster: Cluster, events: int) -> None:
    sender = Sender(stage.broker, stage.foreign)
    stage.steady()
    with stage.flow(_RATE, events):
        for dose in _vendors(stage, _TRANSACTIONS, 3):
            sender.send(dose)
        canonical = CanonicalDoses(Random(_SEED), stage.settings)
        for kind in ("a transaction", "a transaction that is aborted") * 3:
            sender.send(canonical.of(kind))
        _no_end(stage)
        stage.recovered()


def _broken(stage: Stage, cluster: Cluster, events: int) -> None:
    """Breaks batches on the broker's disk, and kills the workers that wait at them. Then they are mended."""
    broken = BrokenBatches(data_of(cluster.ours), time.monotonic)
    sender = Sender(stage.broker, stage.foreign, broken)
    stage.steady()
    with stage.flow(_RATE, events):
        for dose in _vendors(stage, _BROKEN, 1):
            sender.send(dose)
        canonical = CanonicalDoses(Random(_SEED), stage.settings)
        for kind in _BROKEN * 2:
            sender.send(canonical.of(kind))
        sent = len(broken)
        stage.wait(lambda: broken.waiting(stage.watch.look()), "workers that wait at broken batches", 30.0)
        for pod in stage.pods:
            pod.signal(signal.SIGKILL)
        stage.wait(lambda: not broken.mend(stage.watch.look()), "the end of all broken batches", 120.0)
        _no_other_end(stage)
        stage.recovered()
    stage.notes.append(f"{sent} broken batches")


def _costly(kinds: Iterable[str], times: int, stage: Stage, _cluster: Cluster, events: int) -> None:
    """Gives such slices to workers that may have 1 GB of memory, and whose loops must not be blocked."""
    sender = Sender(stage.broker, stage.foreign)
    stage.steady(hooked=True, FAULTS_TURNS="1")
    with _measured(stage), stage.flow(_RATE, events):
        for dose in _vendors(stage, kinds, times):
            sender.send(dose)
        stage.recovered()
        _no_end(stage)


@contextmanager
def _measured(stage: Stage) -> Iterator[None]:
    with MemoryLimit(stage.pods, LIMIT_BYTES) as memory, Health(stage.pods) as health:
        try:
            yield
        except CaseFailed as failed:
            raise CaseFailed(f"{failed}; {_told(stage, memory, health)}") from None
    stage.notes.append(_told(stage, memory, health))
    if not health.answers:
        raise CaseFailed("no worker answered /healthz: nothing was shown")
    if memory.killed:
        raise CaseFailed(f"a worker had more than {LIMIT_BYTES / 1e6:.0f} MB of memory")
    if health.longest > LONGEST_BLOCK_SECONDS:
        raise CaseFailed(f"a loop was blocked for {health.longest:.2f} s")
    if (turn := longest_turn(stage.folder)) is None or turn > LONGEST_TURN_SECONDS:
        raise CaseFailed("no worker measured its turns" if turn is None else f"a turn took {turn:.2f} s")


def _told(stage: Stage, memory: MemoryLimit, health: Health) -> str:
    megabytes, turn = memory.peak / 1e6, longest_turn(stage.folder) or 0.0
    return f"peak RSS {megabytes:.0f} MB, longest block {health.longest:.2f} s, longest turn {turn:.2f} s"


def _no_end(stage: Stage) -> None:
    if ends := [code for pod in stage.pods for code in pod.exits]:
        raise CaseFailed(f"poison ended workers with {ends}")


def _no_other_end(stage: Stage) -> None:
    if ends := [code for pod in stage.pods for code in pod.exits if code != -signal.SIGKILL]:
        raise CaseFailed(f"broken batches ended workers with {ends}")


CASES = [
    *(
        Case(
            name=f"poison-{name}",
            fault=f"garbage of every kind on {what}, then kill -9 of both workers",
            play=partial(_poisoned, name),
            events=_EVENTS,
            vendor_topics=VENDOR_TOPICS,
        )
        for name, what in (
            ("vendors", "the vendors' topics"),
            ("canonical", "the canonical topic, in wrong partitions too"),
            ("changelogs", "the changelogs, in wrong partitions too"),
        )
    ),
    Case(
        name="poison-stock",
        fault="garbage of every kind on the canonical topic of a Kafka with its own defaults",
        play=partial(_poisoned, "canonical"),
        brokers=stock_broker,
        events=_EVENTS,
        vendor_topics=VENDOR_TOPICS,
    ),
    Case(
        name="transactions",
        fault="transactions on the vendors' and canonical topics: committed, aborted, open for a while",
        play=_transactions,
        events=_EVENTS,
        vendor_topics=VENDOR_TOPICS,
    ),
    Case(
        name="poison-disk",
        fault="batches broken on the disk: checksum, payload, compression; kill -9 of both workers; mended",
        play=_broken,
        events=_EVENTS,
        vendor_topics=VENDOR_TOPICS,
    ),
    *(
        Case(
            name=f"costly-{name}",
            fault=fault,
            play=partial(_costly, kinds, times),
            hurts_broker=True,
            events=_EVENTS,
            settings=settings,
            vendor_topics=VENDOR_TOPICS,
        )
        for name, fault, kinds, times, settings in (
            (
                "memory",
                "slices whose events are far larger than they are, with 1 GB of memory",
                _MEMORY,
                2,
                {},
            ),
            (
                "batches",
                "batches that are a thousand times larger unpacked, with 1 GB of memory",
                _BOMBS,
                1,
                {},
            ),
            (
                "time",
                "bodies that take long, with WATCHDOG_SECONDS=5",
                _TIME,
                4,
                {"WATCHDOG_SECONDS": "5"},
            ),
        )
    ),
]
