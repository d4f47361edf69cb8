"""The kills in the second half."""

import itertools
import time

from msgspec import Struct

from tests.tools.faults.stage import Stage

_EVERY_SECONDS = 30.0


class Kill(Struct):
    """Two times after a kill, in seconds since the kill."""

    ready: float
    """Until all workers were ready again."""
    caught_up: float
    """Until everything was committed that was there when all workers were ready again."""


def kill_in_turn(stage: Stage, until: float) -> list[Kill]:
    """Kills one worker after the other until that time of the monotonic clock. Each kill waits until work is
    left, and until the workers are ready and have caught up after the last one, so that a long restore does
    not hide the next kill."""
    kills: list[Kill] = []
    victims = itertools.cycle(stage.pods)
    while (began := time.monotonic()) < until:
        stage.work_left()
        next(victims).kill()
        stage.wait_ready()
        ready = time.monotonic()
        stage.recovered()
        caught_up = time.monotonic()
        kills.append(Kill(ready - began, caught_up - began))
        time.sleep(max(min(began + _EVERY_SECONDS, until) - caught_up, 0))
    return kills
