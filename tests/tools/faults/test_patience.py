"""How long a case is waited for, and that a case which does nothing is given up."""

import signal

import pytest

from tests.tools.faults.failed import CaseFailed
from tests.tools.faults.patience import Clock, Over, Progress
from tests.tools.faults.stage import Stage
from tests.tools.faults.yardstick import yardstick

ALLOWED = 120
"""How many commits of the bare loop a wait of 60 s may last."""


class Machine:
    """The counts that a wait looks at."""

    def __init__(self) -> None:
        self.commits = 0
        self.beats = 0

    def wait(self, seconds: float = 60.0) -> Over:
        return Progress(lambda: self.commits, lambda: self.beats).begin(seconds)


def test_by_the_clock_a_wait_ends_after_its_seconds() -> None:
    now = 100.0
    over = Clock(now=lambda: now).begin(60.0)
    now = 160.0
    assert over() == ""
    now = 160.1
    assert over() == "not within 60 s"


def test_a_run_that_demands_no_speed_gives_every_wait_at_least_so_much() -> None:
    now = 0.0
    over = Clock(1_800.0, now=lambda: now).begin(60.0)
    now = 1_800.0
    assert over() == ""
    now = 1_801.0
    assert over() == "not within 1800 s"


def test_a_wait_goes_on_while_the_bare_loop_commits_nothing_either() -> None:
    over = Machine().wait()
    assert all(over() == "" for _ in range(10_000))


def test_a_wait_is_over_if_only_the_bare_loop_commits() -> None:
    machine = Machine()
    over = machine.wait()
    machine.beats += ALLOWED
    assert over() == ""
    machine.beats += 1
    assert over() == "nothing was committed while a bare loop committed 120 times"


@pytest.mark.parametrize(("seconds", "allowed"), [(10.0, ALLOWED), (60.0, ALLOWED), (120.0, 2 * ALLOWED)])
def test_a_long_wait_may_take_longer_and_a_short_one_covers_the_end_of_a_session(
    seconds: float, allowed: int
) -> None:
    machine = Machine()
    over = machine.wait(seconds)
    machine.beats += allowed
    assert over() == ""
    machine.beats += 1
    assert over()


def test_each_commit_begins_the_time_again_but_not_for_ever() -> None:
    machine = Machine()
    over = machine.wait()
    for _ in range(5):
        machine.beats += ALLOWED
        machine.commits += 1
        assert over() == ""
    machine.beats += 1
    machine.commits += 1
    assert over() == "not while a bare loop committed 600 times"


def test_the_bare_loop_is_no_judge_after_its_end(broker: str) -> None:
    with yardstick(broker) as beside:
        beside._process.kill()
        beside._process.wait()
        with pytest.raises(CaseFailed, match="nothing can be judged"):
            beside.beats()


@pytest.mark.alone
@pytest.mark.timeout(1800)
def test_workers_that_do_nothing_are_given_up(broker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The workers are stopped for ever, so they neither commit nor end. A real loop beside them goes on."""
    with yardstick(broker) as beside, Stage(broker, users=100, beside=beside) as stage:
        stage.steady()
        with stage.load.flowing(500):
            stage.wait(stage._all_moving, "every vendor's first commit", 60.0)
            for pod in stage.pods:
                pod.signal(signal.SIGSTOP)
        # Nobody commits these. What was sent before may be committed, if the load has paused meanwhile.
        stage.load.publish(500)
        stage.load.flush()
        # This is enough for a commit that is on its way, and much less than a case may take.
        monkeypatch.setattr("tests.tools.faults.patience._LEAST_SECONDS", 5.0)
        monkeypatch.setattr("tests.tools.faults.stage.RECOVERY_SECONDS", 5.0)
        with pytest.raises(CaseFailed, match="nothing was committed while a bare loop committed 10 times"):
            stage.recovered()
