"""Where a process can end: every boundary of the lane, by name, found by enumeration and not by luck.

Each point wraps one method of the lane. A `Trigger` fires once in all the lives of the worker, so that the
supervisor's next process gets through.
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

from app.lane.consumer import LaneConsumer
from app.lane.desk import PartitionDesk
from app.lane.fold import PartitionFold
from app.lane.producer import GroupProducer
from app.lane.recovery import TableLoader
from app.lane.thread import LaneThread
from app.settings import Settings

# Some commit intervals: whatever the lane takes for done is committed by then.
_HELD_SECONDS = 3.0


class Trigger:
    """Sends this process a signal at the `nth` passage (from 1) after the case has armed it.

    The case and all lives of the worker talk by two files in a folder: `armed` and `fired`.
    """

    def __init__(self, folder: Path, number: signal.Signals = signal.SIGKILL) -> None:
        self.nth = 1
        self.number = number
        self._armed = folder / "armed"
        self._fired = folder / "fired"
        self._passages = 0

    def due(self) -> bool:
        """Counts a passage; whether this is the one."""
        if not self._armed.exists() or self._fired.exists():
            return False
        self._passages += 1
        return self._passages == self.nth

    def fire(self) -> None:
        # Written before the signal: afterwards there may be nobody to do so.
        self._fired.touch(exist_ok=False)
        os.kill(os.getpid(), self.number)

    def passed(self) -> None:
        if self.due():
            self.fire()


Need = Literal["nothing", "a restart", "a rebalance"]


class Point(Struct, frozen=True):
    """`wrap(trigger, settings)` wraps the method. `needs`: what has to happen in the case for the point
    to be passed at all. `nth`: the passage, counted from the arming, that is in the middle of the work."""

    wrap: Callable[[Trigger, Settings], None]
    needs: Need = "nothing"
    nth: int = 3

    def install(self, folder: Path, settings: Settings) -> None:
        trigger = Trigger(folder)
        trigger.nth = self.nth
        self.wrap(trigger, settings)


def _before(owner: type, name: str, when: Callable[..., bool] = lambda *_: True) -> Point:
    """At the entry of a method. `when` gets its settings and then its arguments."""
    return Point(lambda trigger, settings: _wrap(owner, name, trigger, settings, when))


def _wrap(owner: type, name: str, trigger: Trigger, settings: Settings, when: Callable[..., bool]) -> None:
    original = getattr(owner, name)

    @wraps(original)
    def wrapped(self: Any, *args: Any, **options: Any) -> Any:
        if when(settings, self, *args):
            trigger.passed()
        return original(self, *args, **options)

    setattr(owner, name, wrapped)


def _after_async(owner: type, name: str) -> Point:
    """When a coroutine method has returned something true."""

    def install(trigger: Trigger, _: Settings) -> None:
        original = getattr(owner, name)

        @wraps(original)
        async def wrapped(self: Any, *args: Any, **options: Any) -> Any:
            result = await original(self, *args, **options)
            if result:
                trigger.passed()
            return result

        setattr(owner, name, wrapped)

    return Point(install)


def _between(first: str, second: str) -> Point:
    """A wave to the topic `second` waits until everything that was appended for `first` before it is
    acknowledged; then comes the end."""

    def install(trigger: Trigger, settings: Settings) -> None:
        topics = _topics(settings)
        original = GroupProducer._send_wave

        @wraps(original)
        async def wrapped(self: GroupProducer, client: Any, topic: str, wave: Any) -> None:
            if topic == topics[second] and trigger.due():
                appended = {each: at for each, at in self._book.ticket().items() if each == topics[first]}
                await self._wait_for(appended)
                trigger.fire()
            await original(self, client, topic, wave)

        GroupProducer._send_wave = wrapped  # type: ignore[method-assign]

    return Point(install)


def _held(topic_name: str) -> Point:
    """A wave waits until a vendor's offsets are committed once more, if they are; then comes the end."""

    def install(trigger: Trigger, settings: Settings) -> None:
        wanted = _topics(settings)[topic_name]
        send, commit = GroupProducer._send_wave, LaneThread._commit_offsets
        # The lane commits in a thread of its own.
        holding, committed = threading.Event(), threading.Event()

        @wraps(send)
        async def held(self: GroupProducer, client: Any, topic: str, wave: Any) -> None:
            if topic == wanted and trigger.due():
                holding.set()
                await asyncio.to_thread(committed.wait, _HELD_SECONDS)
                trigger.fire()
            await send(self, client, topic, wave)

        @wraps(commit)
        async def seen(self: LaneThread, offsets: Any, *rest: Any) -> bool:
            was_held = holding.is_set()
            done = await commit(self, offsets, *rest)
            if done and was_held and any(topic != settings.topic_events for topic, _ in offsets):
                committed.set()
            return done

        GroupProducer._send_wave = held  # type: ignore[method-assign]
        LaneThread._commit_offsets = seen  # type: ignore[method-assign, assignment]

    return Point(install)


def _wave(topic_name: str, number: signal.Signals) -> Point:
    """Between the check of the lease and the request: what no check on this side can close."""

    def install(trigger: Trigger, settings: Settings) -> None:
        trigger.number = number
        topic_wanted = _topics(settings)[topic_name]
        original = GroupProducer._send_wave

        @wraps(original)
        async def wrapped(self: GroupProducer, client: Any, topic: str, wave: Any) -> None:
            if topic == topic_wanted:
                trigger.passed()
            await original(self, client, topic, wave)

        GroupProducer._send_wave = wrapped  # type: ignore[method-assign]

    return Point(install)


def _topics(settings: Settings) -> dict[str, str]:
    users, loyalty = settings.changelogs
    return {
        "canonical": settings.topic_events,
        "letters": settings.topic_dead_letter,
        "users": users,
        "loyalty": loyalty,
    }


def _appended(name: str) -> Callable[..., bool]:
    """Whether the producer's open round holds records for the topic: the slice has just been mapped."""
    return lambda settings, producer: _topics(settings)[name] in producer._open


def _with_partitions(_settings: Settings, _self: Any, partitions: Any, *_: Any) -> bool:
    return bool(partitions)


def _of_source(canonical: bool) -> Callable[..., bool]:
    def when(settings: Settings, _self: Any, _ticket: int, tp: Any, *_: Any) -> bool:
        return (tp.topic == settings.topic_events) is canonical

    return when


def _needs(need: Need, point: Point, nth: int = 1) -> Point:
    return Point(point.wrap, need, nth)


def _committing(canonical: bool) -> Callable[..., bool]:
    def when(settings: Settings, _self: Any, offsets: Any, *_: Any) -> bool:
        return any((topic == settings.topic_events) is canonical for topic, _ in offsets)

    return when


POINTS: dict[str, Point] = {
    "after a vendor's fetch": _before(LaneConsumer, "_receive", _of_source(canonical=False)),
    "after a canonical fetch": _before(LaneConsumer, "_receive", _of_source(canonical=True)),
    "after map": _before(GroupProducer, "sync", _appended("canonical")),
    "after apply": _before(GroupProducer, "sync", _appended("users")),
    "canonical written, dead letters not": _between("canonical", "letters"),
    "dead letters written, canonical not": _between("letters", "canonical"),
    "users written, loyalty not": _between("users", "loyalty"),
    "loyalty written, users not": _between("loyalty", "users"),
    "canonical unanswered, what is done committed": _held("canonical"),
    "after acks, before their slice is done": _before(LaneConsumer, "_done"),
    "after acks, before a vendor's commit": _before(
        LaneThread, "_commit_offsets", _committing(canonical=False)
    ),
    "after acks, before the canonical commit": _before(
        LaneThread, "_commit_offsets", _committing(canonical=True)
    ),
    "after commit": _after_async(LaneThread, "_commit_offsets"),
    "recovery, while reading": _needs("a restart", _before(PartitionFold, "read"), 2),
    "recovery, before rows go live": _needs("a restart", _before(TableLoader, "_go_live"), 2),
    "recovery, before the seek": _needs("a restart", _before(LaneConsumer, "perform_seek")),
    "recovery, after the seek": _needs("a restart", _before(LaneThread, "_seek_all")),
    "rebalance, before the drain": _needs(
        "a rebalance", _before(LaneConsumer, "on_partitions_revoked", _with_partitions)
    ),
    "rebalance, drained and committed": _needs(
        "a rebalance", _before(PartitionDesk, "forget", _with_partitions)
    ),
    "rebalance, assigned": _needs(
        "a rebalance", _before(LaneConsumer, "on_partitions_assigned", _with_partitions)
    ),
    "rebalance, before the seek": _needs("a rebalance", _before(LaneConsumer, "perform_seek")),
    "stopped before a changelog write": _wave("users", signal.SIGSTOP),
}
"""The last one is for the zombies: the process stops, and goes on when it is told to."""

FREEZE = "stopped before a changelog write"
KILL_POINTS = [name for name in POINTS if name != FREEZE]
