"""The demo has a time limit for everything that it waits for."""

import pytest

from app.demo.waiting import Deadline
from app.errors import CommandFailed


def test_the_time_is_over_at_the_deadline_and_the_line_says_what_was_missing() -> None:
    now = 100.0
    deadline = Deadline(120, clock=lambda: now)
    now = 219.9
    deadline.check("the worker to be ready")
    now = 220.0
    with pytest.raises(
        CommandFailed, match=r"^the demo gave up after 120 s, waiting for the worker to be ready$"
    ):
        deadline.check("the worker to be ready")
