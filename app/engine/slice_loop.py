"""The loop that runs an agent over its slices: begin, let the agent append, flush, count, acknowledge.

Between the parts of a slice it begins no other slice of that partition, so records are always appended in the
order of their partition (docs/design.md#order). Slices that are appended wait for their acknowledgements side
by side.
"""

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, NoReturn, Protocol

from app.engine.fatal import describe, die
from app.engine.processor import InThread, MoreRoom, Part, Pause, Processor
from app.engine.slices import Partition, Slice


class Acknowledger(Protocol):
    """The part of the consumer that the loop uses."""

    def turn(self, partition: Partition) -> AbstractAsyncContextManager[Any]:
        """Returns a context that one slice of the partition enters at a time, in the order in which they
        asked."""

    def thread(self) -> AbstractAsyncContextManager[Any]:
        """Returns a context that one slice enters at a time, in the order in which they asked."""

    def begin(self, slice_: Slice, /) -> bool:
        """Returns whether the slice may be handled. It may not if it was taken back while it was queued."""

    def moves(self, slice_: Slice, /, *, waits: bool = False) -> None:
        """Notes that a begun slice goes on, or that it waits for what other slices do."""

    def pause(self, slice_: Slice, reason: str, offset: int, /) -> None:
        """Pauses the topic of a begun slice until `resume`. Of its records from `offset` on nothing may have
        been appended. If that is not its first record, those before it remain in the slice."""

    def acknowledge(self, slice_: Slice, /) -> None:
        """Records that everything that the slice caused is durable. Nothing else acknowledges a slice."""


class Flusher(Protocol):
    """The part of the producer that the loop uses."""

    async def room(self) -> None:
        """Returns when more may be appended. In any case the event loop runs other tasks first. Nothing else
        is appended between its return and the caller's next `await`."""

    def flush(self) -> Awaitable[None]:
        """Returns an awaitable that is done when everything that was appended before is acknowledged by all
        in-sync replicas."""


async def run_slices(
    stream: AsyncIterable[Slice],
    processor: Processor,
    consumer: Acknowledger,
    producer: Flusher,
    *,
    die: Callable[[str], NoReturn] = die,
) -> None:
    """Handles the slices of an agent's stream, and acknowledges each when all that it caused is durable.

    No agent goes through its slices in another way. Several of these loops share one stream (Faust's
    `concurrency`). Any exception in an agent ends the process, and the slice is not acknowledged.
    """
    async for slice_ in stream:
        try:
            await _handle(slice_, processor, consumer, producer)
        except asyncio.CancelledError:
            # When Faust stops, it cancels the agents after the last drain, and no slice is in flight then.
            # In any other case this process would lose the slice and go on with later ones.
            if getattr(getattr(stream, "app", None), "should_stop", False):
                raise
            die(f"the handling of {slice_} was cancelled")
        except BaseException as problem:  # noqa: BLE001 - SystemExit, too, would end the agent only
            die(f"the handling of {slice_} failed: {describe(problem)}")


async def _handle(slice_: Slice, processor: Processor, consumer: Acknowledger, producer: Flusher) -> None:
    parts: list[Part] = []
    async with consumer.turn((slice_.topic, slice_.partition)):
        if not consumer.begin(slice_):
            return
        steps = _Steps(slice_, processor, consumer, producer)
        while (step := await steps.next()) is not None:
            if isinstance(step, Pause):
                consumer.pause(slice_, step.reason, step.offset)
                break
            parts.append(step)
    if isinstance(step, Pause) and not parts:
        return
    await producer.flush()
    while sum(part.settle() for part in parts):
        await producer.flush()
    for part in parts:
        part.count()
    consumer.acknowledge(slice_)


class _Steps:
    """The steps of an agent through one slice."""

    def __init__(
        self, slice_: Slice, processor: Processor, consumer: Acknowledger, producer: Flusher
    ) -> None:
        self._slice = slice_
        self._consumer = consumer
        self._producer = producer
        self._steps = processor.process(slice_)

    async def next(self) -> Part | Pause | None:
        """Returns the next part, or the pause in its place, or None if there is no more."""
        await self._room()
        step = await self._step(None)
        if isinstance(step, InThread):
            self._consumer.moves(self._slice, waits=True)
            async with self._consumer.thread():
                while isinstance(step, InThread):
                    await self._room()
                    step = await self._step(await asyncio.to_thread(step.call))
        return step

    async def _step(self, result: object) -> Part | Pause | InThread | None:
        """Returns the next step that is not MoreRoom. The agent gets `result`, which a call in a thread has
        returned."""
        while True:
            try:
                step = self._steps.send(result)
            except StopIteration:
                return None
            if not isinstance(step, MoreRoom):
                return step
            result = None
            await self._room()

    async def _room(self) -> None:
        self._consumer.moves(self._slice, waits=True)
        await self._producer.room()
        self._consumer.moves(self._slice)
