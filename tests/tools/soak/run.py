"""The whole soak: capacity, a quiet half, a half with kills, rest, and the account."""

import time
from collections import Counter
from collections.abc import Callable

from tests.kafka import end_offsets
from tests.tools.faults.stage import Stage
from tests.tools.soak.account import close_account
from tests.tools.soak.beside import beside
from tests.tools.soak.capacity import measure_capacity
from tests.tools.soak.figures import Figures, Half
from tests.tools.soak.kills import kill_in_turn
from tests.tools.soak.reader import Reader
from tests.tools.soak.sampler import Sampler

_CATCH_UP_SECONDS = 60.0
_DYNAMIC_SECONDS = 3.0
"""How long a worker may take to start, and the group to rebalance, after the end of the session of the worker
that was killed."""
_STATIC_SECONDS = 4.0
"""How long a static member may take to start and to take its partitions over; nobody waits for a session."""


def soak(stage: Stage, *, minutes: float, share: float, static: bool, say: Callable[[str], None]) -> Figures:
    """Returns the figures of a soak on a new stage: two workers get `share` of their capacity for so many
    minutes. `static`: they are static members of their group. Raises CaseFailed if the workers do not become
    ready, or do not commit everything in the end."""
    _start(stage, static=static)
    quiet, killing = Half(), Half()
    with Reader.reading(stage.broker, stage.settings) as reader:
        capacity = measure_capacity(stage)
        stage.wait_at_rest()
        rate = round(capacity * share)
        say(f"capacity {capacity:,.0f} records/s; the load is {rate:,}/s")
        sampler = Sampler(stage, reader, rate, say)
        before, began = stage.load.published, time.monotonic()
        with beside(sampler.step):
            with stage.load.flowing(rate):
                reader.latencies, sampler.samples = quiet.latencies, quiet.samples
                time.sleep(minutes * 30)
                reader.latencies, sampler.samples = killing.latencies, killing.samples
                kills = kill_in_turn(stage, began + minutes * 60, say)
            seconds, flowed = time.monotonic() - began, stage.load.published - before
            stage.load.flush()
            stage.wait_at_rest()
            stage.wait_ready()
            _catch_up(stage, reader)
    stops = stage.stop_all()
    return Figures(
        minutes=seconds / 60,
        capacity=capacity,
        rate=flowed / seconds,
        published=stage.load.published,
        kills=kills,
        bound=_STATIC_SECONDS if static else stage.settings.session_timeout + _DYNAMIC_SECONDS,
        quiet=quiet,
        killing=killing,
        account=close_account(stage, reader.ledger, say),
        strange=reader.strange,
        exits=Counter(code for pod in stage.pods for code in pod.exits),
        stops=stops,
    )


def _start(stage: Stage, *, static: bool) -> None:
    if static:
        for number in (1, 2):
            stage.pod(GROUP_INSTANCE_ID=f"soak-{number}")
        stage.wait_ready()
    else:
        stage.steady()


def _catch_up(stage: Stage, reader: Reader) -> None:
    ends = {
        (topic, part): end
        for topic in (stage.settings.topic_events, stage.settings.topic_dead_letter)
        for part, end in end_offsets(stage.broker, topic).items()
    }
    stage.wait(lambda: reader.passed(ends), "the reader to read everything", _CATCH_UP_SECONDS)
