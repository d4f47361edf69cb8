"""Waits that make no demand on time: how long it took is reported.

The faults' own waits end a case after a minute or two; but after hours of load a worker that starts has
a long changelog to read.
"""

from typing import Final

from tests.faults.stage import Stage

_GIVEN_UP_SECONDS: Final = 1_800.0


def wait_ready(stage: Stage) -> None:
    stage.wait(lambda: all(pod.ready() for pod in stage.pods), "all workers ready", _GIVEN_UP_SECONDS)


def wait_caught_up(stage: Stage) -> None:
    """Until everything that is in the workers' topics now is committed, while the load goes on."""
    mark = stage.wait(stage.watch.look, "an answer of the broker", _GIVEN_UP_SECONDS).ends

    def passed() -> bool:
        seen = stage.watch.look()
        return seen is not None and seen.passed(mark)

    stage.wait(passed, "all that waited committed", _GIVEN_UP_SECONDS)


def wait_at_rest(stage: Stage) -> None:
    """Until every partition is committed to its end, which no load moves on."""

    def at_rest() -> bool:
        seen = stage.watch.look()
        return seen is not None and seen.passed(seen.ends)

    stage.wait(at_rest, "all offsets committed to their ends", _GIVEN_UP_SECONDS)
