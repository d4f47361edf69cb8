"""The demo does not wait for ever."""

import pytest

from app.cli.failed import Failed
from app.demo.waiting import Deadline


def test_the_time_is_over_at_the_deadline_and_the_line_says_what_was_missing() -> None:
    now = 100.0
    deadline = Deadline(120, clock=lambda: now)
    now = 219.9
    deadline.check("the worker to be ready")
    now = 220.0
    with pytest.raises(Failed, match=r"^the demo gave up after 120 s, waiting for the worker to be ready$"):
        deadline.check("the worker to be ready")
