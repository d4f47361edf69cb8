"""Compares Rollcall's worker with a plain Faust worker: events a CPU second, from the source topic to both
changelogs."""

import tempfile
import uuid
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path
from time import monotonic
from typing import Final

from app.settings import Settings
from tests.kafka import create_topics
from tests.tools.bench.bodies import updates_and_scores, user_of
from tests.tools.bench.figures import Figure, Report
from tests.tools.bench.load import GroupProgress, publish, wait_for
from tests.tools.bench.options import BenchOptions
from tests.tools.bench.processes import ROOT, BenchFailed, Measured, Running, measured
from tests.tools.bench.rows import publish_rows
from tests.tools.bench.worker import fresh_settings, rollcall, scraped

Records = Sequence[tuple[bytes, bytes]]
Beside = Callable[[Settings], AbstractContextManager[object]]
"""What goes on while a worker with these settings works."""


class Stalled(BenchFailed):
    """A worker runs and has work left, but commits nothing."""


# Each side needs some seconds of CPU for its events.
_EVENTS: Final = 300_000
_EVENTS_OF_FAUST: Final = 15_000
# Enough that everything that happens only once has happened before the measurement.
_WARM_UP: Final = 20_000
_WARM_UP_OF_FAUST: Final = 1_000
_DRAIN_SECONDS: Final = 600.0
_STILL_SECONDS: Final = 60.0
_FAUST_ATTEMPTS: Final = 3
# The bodies before this number are in the rows that exist at the start.
_FIRST: Final = 2
_PARTITIONS: Final = Settings().partitions_events

_CAVEATS: Final = (
    (
        "full: SelfCommunity's user.updated and user.score_updated in turn, keyed by user, 620 bytes each;"
        " both rows of every user exist before. CPU seconds of the worker's process, pinned to one core if"
        " the system can do that, from idle to idle; the sides take turns, so a drift of the machine affects"
        " both."
    ),
    (
        "full: everything runs on one machine, and the broker's CPU is not counted. A worker that keeps up"
        " with few events has smaller slices, and needs more CPU for each event."
    ),
    (
        "full: plain Faust calls the same pure functions. It is faster here than out of the box: without the"
        " debug logging and the web server of its own worker, and with keys and rows as plain bytes."
    ),
    "full: a row that changes more than once in a slice is written once; with more users that saves less.",
)


def run_full(options: BenchOptions) -> Report:
    """Measures, for each number of users, the events a second of both sides and the ratio of the two."""
    report = Report(caveats=list(_CAVEATS))
    for users in options.users:
        count, warm_up = options.scaled(_EVENTS), options.scaled(_WARM_UP)
        records = records_of(warm_up + count, users)
        ours, theirs, slices = [], [], []
        for _ in range(options.rounds):
            speed, per_slice, _ = measured_worker(options, records, warm_up, users)
            ours.append(speed)
            slices.append(per_slice)
            faust = records[: options.scaled(_WARM_UP_OF_FAUST) + options.scaled(_EVENTS_OF_FAUST)]
            theirs.append(_faust_speed_at_last(options, faust, users, report))
        report.figures += _figures(users, ours, theirs, slices)
    return report


def records_of(count: int, users: int) -> Records:
    """Returns keys and bodies: updates and scores of SelfCommunity in turn."""
    # The key is the user, as with a producer that wants the events of a user in order.
    return [
        (b"%d" % user_of(number, users), body)
        for number, body in enumerate(updates_and_scores(count + _FIRST, users=users))
    ][_FIRST:]


def measured_worker(
    options: BenchOptions,
    records: Records,
    warm_up: int,
    users: int,
    root: Path = ROOT,
    beside: Beside = nullcontext,
) -> tuple[float, float, Settings]:
    """Returns the events a CPU second, the records a slice, and the settings of the run with its topics.
    `root`: the checkout whose worker is measured."""
    settings = fresh_settings(options.broker)
    publish_rows(options.broker, settings.changelogs, users, settings.partitions_events)
    source = settings.topic_of("selfcommunity")
    publish(options.broker, source, records[:warm_up])
    with (
        rollcall(settings, options.core, root) as process,
        closing(GroupProgress(options.broker, settings.app_id)) as progress,
        beside(settings),
    ):
        speed = _speed(options, process, progress, (source, settings.topic_events), records, warm_up)
        found = scraped(settings)
    return speed, found["rollcall_slice_records_sum"] / found["rollcall_slice_records_count"], settings


def _faust_speed_at_last(options: BenchOptions, records: Records, users: int, report: Report) -> float:
    """Returns the events a CPU second. Plain Faust sometimes stops committing for good while work is left:
    then it is started again on new topics, and the report says so."""
    for _ in range(_FAUST_ATTEMPTS - 1):
        try:
            return _faust_speed(options, records, options.scaled(_WARM_UP_OF_FAUST), users)
        except Stalled as still:
            report.caveats.append(f"full: plain Faust stopped committing and was measured again: {still}")
    return _faust_speed(options, records, options.scaled(_WARM_UP_OF_FAUST), users)


def _faust_speed(options: BenchOptions, records: Records, warm_up: int, users: int) -> float:
    app_id = f"bench-faust-{uuid.uuid4().hex[:8]}"
    source, events = f"{app_id}-selfcommunity", f"{app_id}-events"
    changelogs = (f"{app_id}-users-changelog", f"{app_id}-loyalty-changelog")
    create_topics(options.broker, dict.fromkeys((source, events), _PARTITIONS))
    create_topics(options.broker, dict.fromkeys(changelogs, _PARTITIONS), cleanup_policy="compact")
    publish_rows(options.broker, changelogs, users, _PARTITIONS)
    publish(options.broker, source, records[:warm_up])
    arguments = [
        "-m",
        "tests.tools.bench.plain_faust",
        options.broker,
        app_id,
        source,
        events,
        str(_PARTITIONS),
    ]
    with (
        # Faust makes a folder for each app, by default in the current folder.
        tempfile.TemporaryDirectory(prefix="rollcall-bench-") as folder,
        measured(arguments, options.core, {"FAUST_DATADIR": folder}) as process,
        closing(GroupProgress(options.broker, app_id)) as progress,
    ):
        return _speed(options, process, progress, (source, events), records, warm_up)


def _speed(
    options: BenchOptions,
    process: Measured,
    progress: GroupProgress,
    topics: tuple[str, str],
    records: Records,
    warm_up: int,
) -> float:
    """Returns the events a CPU second from idle to idle: when the records of the warm-up are done, all others
    are sent at once."""
    stages = [[topic] for topic in topics]
    wait_worked_off(process, progress, stages, warm_up)
    before = process.cpu_seconds()
    publish(options.broker, topics[0], records[warm_up:])
    wait_worked_off(process, progress, stages, len(records))
    return (len(records) - warm_up) / (process.cpu_seconds() - before)


def wait_worked_off(
    process: Running, progress: GroupProgress, stages: Sequence[Sequence[str]], count: int
) -> None:
    """Returns when so many records of each stage are committed. A stage is some topics together. Raises
    Stalled if nothing more is committed before that."""
    reached, since = -1, monotonic()

    def done() -> bool:
        nonlocal reached, since
        process.check()
        # Each body becomes one event, and the group commits an event when its rows are written.
        committed = [sum(map(progress.committed, topics)) for topics in stages]
        if sum(committed) != reached:
            reached, since = sum(committed), monotonic()
        if monotonic() - since > _STILL_SECONDS:
            raise Stalled(f"{committed} of {count} committed, then nothing more for {_STILL_SECONDS:g} s")
        return min(committed) >= count

    wait_for(done, "all events are done", _DRAIN_SECONDS)


def _figures(users: int, ours: list[float], theirs: list[float], slices: list[float]) -> list[Figure]:
    name = f"{users:,} users"
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    return [
        Figure("full", f"Rollcall, {name}", "events/CPU s", ours),
        Figure("full", f"plain Faust, {name}", "events/CPU s", theirs),
        Figure("full", f"Rollcall to plain Faust, {name}", "times", ratios, "10"),
        Figure("full", f"Rollcall, {name}", "records/slice", slices),
    ]
