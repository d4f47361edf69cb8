"""The second half's disturbance."""

import itertools
import time

from msgspec import Struct

from tests.faults.stage import Stage

_EVERY_SECONDS = 30.0


class Kill(Struct):
    """Seconds from the kill on."""

    ready: float
    """Until all workers were ready again."""
    caught_up: float
    """Until everything was committed that had come up to then."""


def kill_in_turn(stage: Stage, until: float) -> list[Kill]:
    """One worker after the other, until that moment of the monotonic clock: each only when work is left,
    and when the last one is ready and has caught up, so that a long recovery does not hide the next."""
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
