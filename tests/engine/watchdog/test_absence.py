"""When a worker that is outside its group ends."""

from app.engine.config import ConsumerConfig
from app.engine.watchdog.absence import Absence, AbsenceDetector

LIMIT = 30.0
REFRESH = 10
"""So many seconds are between two answers to a request for metadata."""


def verdicts(detector: AbsenceDetector, seconds: range, *, heartbeat: float = 0.0) -> list[int]:
    """Returns the seconds in which the process would end. Brokers answer all the time."""
    reports = {second: Absence(heartbeat, float(second - second % REFRESH)) for second in seconds}
    return [second for second, absence in reports.items() if detector.check(1.0, absence)]


def test_a_worker_that_stays_outside_ends_when_the_brokers_have_answered_after_the_limit() -> None:
    assert verdicts(AbsenceDetector(LIMIT), range(5, 60))[:1] == [40]


def test_the_line_names_it() -> None:
    detector = AbsenceDetector(LIMIT)
    lines = [detector.check(1.0, Absence(0.0, float(second))) for second in range(32)]
    assert lines[30] == (
        "this worker has had no assignment and no answered heartbeat for 30 s, while the brokers answer"
    )


def test_an_answered_heartbeat_begins_the_time_again() -> None:
    detector = AbsenceDetector(LIMIT)
    assert verdicts(detector, range(29)) == []
    assert verdicts(detector, range(29, 58), heartbeat=29.0) == []


def test_an_outage_is_no_absence() -> None:
    detector = AbsenceDetector(LIMIT)
    assert verdicts(detector, range(29)) == []
    # The brokers do not answer any more. It shows only when the next answer is overdue.
    silent = [detector.check(1.0, Absence(0.0, 20.0)) for _ in range(20)]
    assert [*silent, *[detector.check(1.0, None) for _ in range(600)]] == [None] * 620
    # They answer again, and the worker has its time to join.
    assert verdicts(detector, range(700, 729)) == []


def test_a_report_that_comes_and_goes_does_not_add_up() -> None:
    detector = AbsenceDetector(LIMIT)
    for start in range(0, 200, 40):
        assert verdicts(detector, range(start, start + 29)) == []
        assert detector.check(1.0, None) is None


def test_the_limit_is_three_sessions_and_never_less_than_a_slow_rebalance() -> None:
    assert ConsumerConfig(session_timeout=60.0, rebalance_timeout=60.0).absence_limit == 180.0
    assert ConsumerConfig(session_timeout=10.0, rebalance_timeout=60.0).absence_limit == 70.0
