"""The campaign's own parts: what it sends, what it measures, and what it demands."""

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from random import Random

import pytest

from app.engine.record_batches.lenient_records import LenientRecords
from app.settings import Settings
from tests.kafka import ToSend
from tests.tools.faults.verifier import Report
from tests.tools.faults.watch import Offsets
from tests.tools.poison import canonical_doses, changelog_doses, vendor_doses
from tests.tools.poison.batches import ODD_NAME, as_read, raw_batch
from tests.tools.poison.dose import CODECS, Dose
from tests.tools.poison.doses import Doses
from tests.tools.poison.ends import MOST_AT_AN_OFFSET, End, Ends
from tests.tools.poison.figures import TO_REACH, Figures
from tests.tools.poison.health import waited_seconds
from tests.tools.poison.memory import memory_of

KINDS = {*vendor_doses.WEIGHTS, *canonical_doses.WEIGHTS}
COSTLY = ("a bomb*", "sixteen*", "a body of a mebibyte", "tenants*", "more headers*", "a header of 65 KB")


def doses(seed: int, count: int) -> list[Dose]:
    return list(islice(Doses(Random(seed), Settings(), without=COSTLY), count))


def test_a_seed_makes_the_same_poison_and_another_seed_another_one() -> None:
    assert doses(1, 60) == doses(1, 60)
    assert doses(1, 60) != doses(2, 60)


def test_every_kind_comes_first_and_then_all_boundaries() -> None:
    made = list(islice(Doses(Random(3), Settings()), len(KINDS) + len(changelog_doses.WEIGHTS) + 8))
    assert {dose.kind for dose in made} >= KINDS
    assert {dose.boundary for dose in made} == {"vendor", "canonical", "changelog"}
    assert {dose.form for dose in made} == {"plain", "raw", "committed", "aborted", "broken"}
    assert any(dose.inflated for dose in made)


def test_kinds_can_be_left_out() -> None:
    assert not any(dose.kind.startswith("a bomb") for dose in doses(1, 60))


def test_batches_and_transactions_have_one_partition() -> None:
    for dose in doses(1, 100):
        if dose.form != "plain":
            assert len({record.partition for record in dose.records}) == 1
            assert dose.records[0].partition is not None


@pytest.mark.parametrize("codec", [0, *CODECS])
def test_a_raw_batch_is_read_as_it_was_meant(codec: int) -> None:
    records = [ToSend(b"k", b"v%d" % number, [(ODD_NAME, b"x")], 7) for number in range(3)]
    data = raw_batch(records, codec, odd_names=codec == 0)
    read = list(LenientRecords(data).next_batch())
    assert [record.value for record in read] == [b"v0", b"v1", b"v2"]
    wanted = as_read(list(records[0].headers)) if codec == 0 else list(records[0].headers)
    assert [list(record.headers) for record in read] == [wanted] * 3
    assert wanted[0][0] == (ODD_NAME if codec else "\ufffd\ufffd\ufffd\ufffdab")


# -- ends

STANDING = Offsets({("t", 0): 9, ("t", 1): 4}, {("t", 0): 5, ("t", 1): 4})


def test_an_offset_that_ends_workers_again_and_again_is_a_loop() -> None:
    ends = Ends()
    for _ in range(MOST_AT_AN_OFFSET):
        ends.add(End(70, "x"), STANDING, {})
    assert ends.loops() == 0
    ends.add(End(70, "x"), STANDING, {})
    assert ends.loops() == 1
    assert len(ends.found) == MOST_AT_AN_OFFSET + 1


def test_only_the_first_poison_behind_an_offset_is_blamed() -> None:
    ends = Ends()
    kinds = {("t", 0, 4): "done", ("t", 0, 6): "first", ("t", 0, 7): "second", ("t", 1, 3): "elsewhere"}
    ends.add(End(70, "x"), STANDING, kinds)
    assert ends.repeated_kinds() == []
    ends.add(End(-9, "x"), STANDING, kinds)
    assert ends.repeated_kinds() == ["first"]


def test_an_end_that_nobody_could_look_at_is_one_all_the_same() -> None:
    ends = Ends()
    ends.add(End(70, "x"), None, {})
    assert (len(ends.found), ends.loops()) == (1, 0)


# -- what must hold


def good() -> Figures:
    return Figures(
        wanted=100,
        poisoned=120,
        kills=4,
        kills_in_flight=3,
        peak=10,
        limit=20,
        longest_block=0.5,
        longest_turn=0.2,
        answers=7,
        reached=Counter(dict.fromkeys(TO_REACH, 1)),
    )


def test_what_holds_has_no_failure() -> None:
    assert good().failures() == []
    assert good().lines()[-1].startswith("ok: peak RSS ")


def broken() -> Iterator[tuple[str, Figures]]:
    for name, value, why in (
        ("poisoned", 99, "only 99 poisoned"),
        ("kills_in_flight", 1, "kills hit slices in flight"),
        ("loops", 1, "more than five times"),
        ("repeated_kinds", ["a bomb"], "ended a worker twice: a bomb"),
        ("peak", 21, "more than"),
        ("longest_block", 1.1, "blocked"),
        ("longest_turn", 0.26, "a turn took"),
        ("longest_turn", None, "no worker measured"),
        ("answers", 0, "/healthz"),
        ("report", Report(lost=1), "1 lost"),
        ("problems", ["not within 9 s"], "not within 9 s"),
    ):
        figures = good()
        setattr(figures, name, value)
        yield why, figures
    for each in sorted(TO_REACH):
        figures = good()
        del figures.reached[each]
        yield "no poison reached", figures


@pytest.mark.parametrize(("why", "figures"), list(broken()))
def test_what_does_not_hold_is_said(why: str, figures: Figures) -> None:
    assert [failure for failure in figures.failures() if why in failure]
    assert figures.lines()[-1].startswith("RED: ")


def test_memory_and_waiting_are_those_of_a_process() -> None:
    command = [sys.executable, "-c", "x = bytearray(50 << 20); print(flush=True); input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        resident, peak = memory_of(process.pid)
        assert 50 << 20 < resident <= peak < 200 << 20
        assert waited_seconds(process.pid) < time.monotonic()
        process.kill()
    assert memory_of(process.pid) == (0, 0)
    assert waited_seconds(process.pid) == 0.0
