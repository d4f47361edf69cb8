"""Every boundary of the engine at which a process can end, by name.

Each point wraps one method of the engine. A `Trigger` fires once for all processes of the worker, so the
process that the supervisor starts next passes the point.
"""

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from app.engine.consumer.assignment import AssignmentState
from app.engine.consumer.client_thread import ClientThread
from app.engine.consumer.consumer import SliceConsumer
from app.engine.consumer.fetch_loop import FetchLoop
from app.engine.producer.producer import GroupCommitProducer
from app.engine.slices import Partition
from app.engine.tables.changelog_replay import ChangelogReplay
from app.engine.tables.restore import TableRestorer
from app.settings import Settings
from tests.tools.replacing import replace

# After so many commit intervals everything is committed that counts as done.
_LATE_SECONDS = 3.0


class Trigger:
    """Sends a signal to this process at the `nth` passage (from 1) after the case has armed it.

    The case and all processes of the worker communicate by two files in a folder, `armed` and `fired`.
    """

    def __init__(self, folder: Path, number: signal.Signals = signal.SIGKILL) -> None:
        self.nth = 1
        self.number = number
        self._armed = folder / "armed"
        self._fired = folder / "fired"
        self._passages = 0

    def due(self) -> bool:
        """Returns whether this passage is the one, and counts it."""
        if not self._armed.exists() or self._fired.exists():
            return False
        self._passages += 1
        return self._passages == self.nth

    def fire(self) -> None:
        """Sends the signal."""
        # The file is written before the signal, because the process may be gone after it.
        self._fired.touch(exist_ok=False)
        os.kill(os.getpid(), self.number)

    def passed(self) -> None:
        """Counts a passage, and sends the signal if this is the one."""
        if self.due():
            self.fire()


Need = Literal["nothing", "a restart", "a rebalance"]


class Point(Struct, frozen=True):
    """A point. `wrap(trigger, settings)` wraps the method. `needs` is what must happen in the case so that
    the point is passed at all. `nth` is the number of a passage, counted from the arming, that is in the
    middle of the work."""

    wrap: Callable[[Trigger, Settings], None]
    needs: Need = "nothing"
    nth: int = 3

    def install(self, folder: Path, settings: Settings) -> None:
        trigger = Trigger(folder)
        trigger.nth = self.nth
        self.wrap(trigger, settings)


def _before(owner: type, name: str, when: Callable[..., bool] = lambda *_: True) -> Point:
    """Returns the point at the entry of a method. `when` gets the settings and the arguments of the
    method."""
    return Point(lambda trigger, settings: _wrap(owner, name, trigger, settings, when))


def _wrap(owner: type, name: str, trigger: Trigger, settings: Settings, when: Callable[..., bool]) -> None:
    original = getattr(owner, name)

    @wraps(original)
    def wrapped(self: Any, *args: Any, **options: Any) -> Any:
        if when(settings, self, *args):
            trigger.passed()
        return original(self, *args, **options)

    replace(owner, name, wrapped)


def _after_async(owner: type, name: str) -> Point:
    """Returns the point at which a coroutine method has returned a true value."""

    def install(trigger: Trigger, _: Settings) -> None:
        original = getattr(owner, name)

        @wraps(original)
        async def wrapped(self: Any, *args: Any, **options: Any) -> Any:
            result = await original(self, *args, **options)
            if result:
                trigger.passed()
            return result

        replace(owner, name, wrapped)

    return Point(install)


def _between(first: str, second: str) -> Point:
    """Returns the point before a request group to the topic `second`, at which everything is acknowledged
    that was appended for `first` before."""

    def install(trigger: Trigger, settings: Settings) -> None:
        topics = _topics(settings)
        original = GroupCommitProducer._send_request_group

        @wraps(original)
        async def wrapped(self: GroupCommitProducer, client: Any, topic: str, group: Any) -> None:
            if topic == topics[second] and trigger.due():
                appended = {each: at for each, at in self._tracker.token().items() if each == topics[first]}
                await self._wait_for(appended)
                trigger.fire()
            await original(self, client, topic, group)

        replace(GroupCommitProducer, "_send_request_group", wrapped)

    return Point(install)


def _late(topic_name: str, commits: Callable[..., bool]) -> Point:
    """Returns the point before a request group, at which the offsets of what caused it were committed again,
    or have had the time to be. `commits`: whether a commit is one of such offsets."""

    def install(trigger: Trigger, settings: Settings) -> None:
        wanted = _topics(settings)[topic_name]
        send, commit = GroupCommitProducer._send_request_group, ClientThread._commit_offsets
        # The engine commits in another thread.
        waiting, committed = threading.Event(), threading.Event()

        @wraps(send)
        async def late(self: GroupCommitProducer, client: Any, topic: str, group: Any) -> None:
            if topic == wanted and trigger.due():
                waiting.set()
                await asyncio.to_thread(committed.wait, _LATE_SECONDS)
                trigger.fire()
            await send(self, client, topic, group)

        @wraps(commit)
        async def seen(self: ClientThread, offsets: Any, *rest: Any) -> bool:
            was_waiting = waiting.is_set()
            done = await commit(self, offsets, *rest)
            if done and was_waiting and commits(settings, self, offsets):
                committed.set()
            return done

        replace(GroupCommitProducer, "_send_request_group", late)
        replace(ClientThread, "_commit_offsets", seen)

    return Point(install)


def _request_group(topic_name: str, number: signal.Signals) -> Point:
    """Returns the point between the check of the heartbeat and the request, which no check in the worker can
    close."""

    def install(trigger: Trigger, settings: Settings) -> None:
        trigger.number = number
        topic_wanted = _topics(settings)[topic_name]
        original = GroupCommitProducer._send_request_group

        @wraps(original)
        async def wrapped(self: GroupCommitProducer, client: Any, topic: str, group: Any) -> None:
            if topic == topic_wanted:
                trigger.passed()
            await original(self, client, topic, group)

        replace(GroupCommitProducer, "_send_request_group", wrapped)

    return Point(install)


def _topics(settings: Settings) -> dict[str, str]:
    users, loyalty = settings.changelogs
    return {
        "canonical": settings.topic_events,
        "dead letters": settings.topic_dead_letter,
        "users": users,
        "loyalty": loyalty,
    }


def _appended(name: str) -> Callable[..., bool]:
    """Returns a condition: the producer's open round holds records for the topic, so a slice was just
    mapped."""
    return lambda settings, producer: _topics(settings)[name] in producer._open


def _with_partitions(_settings: Settings, _self: Any, partitions: Any, *_: Any) -> bool:
    return bool(partitions)


def _of_source(canonical: bool) -> Callable[..., bool]:
    def when(settings: Settings, _self: Any, _epoch: int, partition: Partition, *_: Any) -> bool:
        return (partition[0] == settings.topic_events) is canonical

    return when


def _needs(need: Need, point: Point, nth: int = 1) -> Point:
    return Point(point.wrap, need, nth)


def _committing(canonical: bool) -> Callable[..., bool]:
    def when(settings: Settings, _self: Any, offsets: Any, *_: Any) -> bool:
        return any((topic == settings.topic_events) is canonical for topic, _ in offsets)

    return when


POINTS: dict[str, Point] = {
    "after a vendor's fetch": _before(FetchLoop, "_receive", _of_source(canonical=False)),
    "after a canonical fetch": _before(FetchLoop, "_receive", _of_source(canonical=True)),
    "after map": _before(GroupCommitProducer, "flush", _appended("canonical")),
    "after apply": _before(GroupCommitProducer, "flush", _appended("users")),
    "canonical written, dead letters not": _between("canonical", "dead letters"),
    "dead letters written, canonical not": _between("dead letters", "canonical"),
    "users written, loyalty not": _between("users", "loyalty"),
    "loyalty written, users not": _between("loyalty", "users"),
    "canonical unanswered, what is done committed": _late("canonical", _committing(canonical=False)),
    "users unanswered, what is done committed": _late("users", _committing(canonical=True)),
    "after acks, before their slice is done": _before(SliceConsumer, "acknowledge"),
    "after acks, before a vendor's commit": _before(
        ClientThread, "_commit_offsets", _committing(canonical=False)
    ),
    "after acks, before the canonical commit": _before(
        ClientThread, "_commit_offsets", _committing(canonical=True)
    ),
    "after commit": _after_async(ClientThread, "_commit_offsets"),
    "restore, while reading": _needs("a restart", _before(ChangelogReplay, "read"), 2),
    "restore, before rows go live": _needs("a restart", _before(TableRestorer, "_go_live"), 2),
    "restore, before the seek": _needs("a restart", _before(SliceConsumer, "perform_seek")),
    "restore, after the seek": _needs("a restart", _before(ClientThread, "_seek_all")),
    "rebalance, before the drain": _needs(
        "a rebalance", _before(SliceConsumer, "on_partitions_revoked", _with_partitions)
    ),
    "rebalance, drained and committed": _needs(
        "a rebalance", _before(AssignmentState, "forget", _with_partitions)
    ),
    "rebalance, assigned": _needs(
        "a rebalance", _before(SliceConsumer, "on_partitions_assigned", _with_partitions)
    ),
    "rebalance, before the seek": _needs("a rebalance", _before(SliceConsumer, "perform_seek")),
    "stopped before a changelog write": _request_group("users", signal.SIGSTOP),
}
"""The last one is for the zombies: the process is stopped, and goes on at a SIGCONT."""

FREEZE = "stopped before a changelog write"
KILL_POINTS = [name for name in POINTS if name != FREEZE]
