"""Rollcall's worker against a plain Faust worker: events by CPU second, source topic to both changelogs."""

import tempfile
import uuid
from collections.abc import Sequence
from contextlib import closing
from time import monotonic
from typing import Final

from app.settings import Settings
from tests.bench.bodies import updates_and_scores, user_of
from tests.bench.figures import Figure, Report
from tests.bench.load import GroupProgress, publish, wait_for
from tests.bench.options import BenchOptions
from tests.bench.processes import BenchFailed, Measured, measured
from tests.bench.rows import publish_rows
from tests.bench.worker import fresh_settings, rollcall, scraped
from tests.kafka import create_topics

Records = Sequence[tuple[bytes, bytes]]


class StoodStill(BenchFailed):
    """A worker that lives, has work left and commits nothing."""


# For some seconds of CPU on either side.
_EVENTS: Final = 300_000
_EVENTS_OF_FAUST: Final = 15_000
# Enough for whatever happens once to have happened before anything is measured.
_WARM_UP: Final = 20_000
_WARM_UP_OF_FAUST: Final = 1_000
_DRAIN_SECONDS: Final = 600.0
_STILL_SECONDS: Final = 60.0
_FAUST_ATTEMPTS: Final = 3
# The numbers before it are the rows that are there already.
_FIRST: Final = 2
_PARTITIONS: Final = Settings().partitions_events

_CAVEATS: Final = (
    (
        "lane: SelfCommunity's user.updated and user.score_updated by turns, keyed by user, 620 bytes each;"
        " both rows of every user exist before. CPU seconds of the worker's process, pinned to one core where"
        " the system can, from idle to idle; the sides take turns, so that a drift of the machine meets both."
    ),
    (
        "lane: all on one machine by loopback, and the broker's CPU is not counted. A worker that keeps up"
        " with few events has smaller slices, and spends more on each event."
    ),
    (
        "lane: plain Faust calls the same pure functions; without its own worker's debug logging and web"
        " server, and with keys and rows as plain bytes, it is faster here than out of the box."
    ),
    "lane: in a slice a row that changes more than once is written once; with more users that saves less.",
)


def run_lane(options: BenchOptions) -> Report:
    """For each number of users: both sides' events a second, and how many times the other's ours is."""
    report = Report(caveats=list(_CAVEATS))
    for users in options.users:
        count, warm_up = options.scaled(_EVENTS), options.scaled(_WARM_UP)
        records = _records(warm_up + count, users)
        ours, theirs, slices = [], [], []
        for _ in range(options.rounds):
            speed, per_slice = _rollcall_speed(options, records, warm_up, users)
            ours.append(speed)
            slices.append(per_slice)
            faust = records[: options.scaled(_WARM_UP_OF_FAUST) + options.scaled(_EVENTS_OF_FAUST)]
            theirs.append(_faust_speed_at_last(options, faust, users, report))
        report.figures += _figures(users, ours, theirs, slices)
    return report


def _records(count: int, users: int) -> Records:
    # Keyed by user, as a producer does that wants a user's events in order.
    return [
        (b"%d" % user_of(number, users), body)
        for number, body in enumerate(updates_and_scores(count + _FIRST, users=users))
    ][_FIRST:]


def _rollcall_speed(options: BenchOptions, records: Records, warm_up: int, users: int) -> tuple[float, float]:
    """Events a CPU second, and records a slice."""
    settings = fresh_settings(options.broker)
    publish_rows(options.broker, settings.changelogs, users, settings.partitions_events)
    source = settings.topic_of("selfcommunity")
    publish(options.broker, source, records[:warm_up])
    with (
        rollcall(settings, options.core) as process,
        closing(GroupProgress(options.broker, settings.app_id)) as progress,
    ):
        speed = _speed(options, process, progress, (source, settings.topic_events), records, warm_up)
        found = scraped(settings)
    return speed, found["rollcall_slice_records_sum"] / found["rollcall_slice_records_count"]


def _faust_speed_at_last(options: BenchOptions, records: Records, users: int, report: Report) -> float:
    """Plain Faust now and then stops committing with work left, for good: then it is started anew, on
    topics of its own, and the report says so."""
    for _ in range(_FAUST_ATTEMPTS - 1):
        try:
            return _faust_speed(options, records, options.scaled(_WARM_UP_OF_FAUST), users)
        except StoodStill as still:
            report.caveats.append(f"lane: plain Faust stood still and was measured anew: {still}")
    return _faust_speed(options, records, options.scaled(_WARM_UP_OF_FAUST), users)


def _faust_speed(options: BenchOptions, records: Records, warm_up: int, users: int) -> float:
    app_id = f"bench-faust-{uuid.uuid4().hex[:8]}"
    source, events = f"{app_id}-bodies", f"{app_id}-events"
    changelogs = (f"{app_id}-users-changelog", f"{app_id}-loyalty-changelog")
    create_topics(options.broker, dict.fromkeys((source, events), _PARTITIONS))
    create_topics(options.broker, dict.fromkeys(changelogs, _PARTITIONS), cleanup_policy="compact")
    publish_rows(options.broker, changelogs, users, _PARTITIONS)
    publish(options.broker, source, records[:warm_up])
    arguments = ["-m", "tests.bench.plain_faust", options.broker, app_id, source, events, str(_PARTITIONS)]
    with (
        # Faust makes a folder for each app, by default where it is started.
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
    """From idle to idle: the backlog of the warm-up is gone, then come all the others at once."""
    _wait_worked_off(process, progress, topics, warm_up)
    before = process.cpu_seconds()
    publish(options.broker, topics[0], records[warm_up:])
    _wait_worked_off(process, progress, topics, len(records))
    return (len(records) - warm_up) / (process.cpu_seconds() - before)


def _wait_worked_off(process: Measured, progress: GroupProgress, topics: tuple[str, str], count: int) -> None:
    """Raises StoodStill where nothing more is committed before all is."""
    reached, since = -1, monotonic()

    def done() -> bool:
        nonlocal reached, since
        process.check()
        # Every body makes one event, and the group commits an event when its rows are written.
        committed = [progress.committed(topic) for topic in topics]
        if sum(committed) != reached:
            reached, since = sum(committed), monotonic()
        if monotonic() - since > _STILL_SECONDS:
            raise StoodStill(f"{committed} of {count} committed, and nothing more for {_STILL_SECONDS:g} s")
        return min(committed) >= count

    wait_for(done, "all events are worked off", _DRAIN_SECONDS)


def _figures(users: int, ours: list[float], theirs: list[float], slices: list[float]) -> list[Figure]:
    name = f"{users:,} users"
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    return [
        Figure("lane", f"Rollcall, {name}", "events/CPU s", ours),
        Figure("lane", f"plain Faust, {name}", "events/CPU s", theirs),
        Figure("lane", f"Rollcall to plain Faust, {name}", "times", ratios, "10"),
        Figure("lane", f"Rollcall, {name}", "records/slice", slices),
    ]
