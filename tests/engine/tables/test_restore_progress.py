"""A restore says how far it has come."""

from app.engine.tables.restore_progress import RestoreProgress, RestoreReport
from app.engine.tables.write_ledger import LogPartition

USERS, LOYALTY = LogPartition("users", 0), LogPartition("loyalty", 0)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_restore_says_how_far_it_is_and_how_long_it_takes() -> None:
    clock = Clock()
    progress = RestoreProgress(clock)
    assert progress.report() is None
    progress.begin({USERS: 1_000, LOYALTY: 500})
    assert progress.report() == RestoreReport(0, 1_500, None)
    clock.now += 2.0
    progress.read(USERS, 0, 300, 250)
    assert progress.report() == RestoreReport(250, 1_200, 8.0)
    clock.now += 2.0
    progress.read(USERS, 300, 1_000, 700)
    progress.read(LOYALTY, 0, 500, 500)
    assert progress.report() == RestoreReport(1_450, 0, 0.0)
    progress.end()
    assert progress.report() is None


def test_the_speed_is_that_of_what_was_read_and_not_of_what_the_log_lacks() -> None:
    clock = Clock()
    progress = RestoreProgress(clock)
    progress.begin({USERS: 1_000})
    clock.now += 1.0
    # Compaction has removed everything before the offset 900.
    progress.read(USERS, 900, 950, 10)
    assert progress.report() == RestoreReport(10, 50, 1.0)


def test_another_attempt_begins_from_the_start() -> None:
    progress = RestoreProgress(Clock())
    progress.begin({USERS: 1_000})
    progress.read(USERS, 0, 300, 300)
    progress.begin({LOYALTY: 20})
    assert progress.report() == RestoreReport(0, 20, None)
