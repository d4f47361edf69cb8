"""`rollcall demo`: sends the vendors' events of the stories through a real Kafka and a worker, and compares
every count and row with what the stories say."""

import asyncio
import logging
import signal
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final, TypeVar

from aiokafka.errors import KafkaError
from rich.console import Console
from rich.text import Text

from app.demo.compare import Check, compare
from app.demo.keep import how_to_look
from app.demo.look import Position, Seen, TopicReader, parse_metrics, read_topics
from app.demo.publish import Sent, publish
from app.demo.show import Show, make_console
from app.demo.stage import Stage, stage
from app.demo.story import Story
from app.demo.story_file import load_stories
from app.demo.waiting import Deadline
from app.errors import CommandFailed
from app.settings import Settings
from app.times import format_micros

# Counted from the start of the broker. The demo takes some seconds; the rest is for a slow machine.
DEADLINE_SECONDS: Final = 120.0
_LOOK_SECONDS: Final = 0.5
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)

T = TypeVar("T")


def run_demo(_settings: Settings, *, keep: bool, stories: tuple[Story, ...] | None = None) -> int:
    """Returns 0 if everything is as the stories say, else 1. Call it in the main thread, because it handles
    signals.

    The stories have their own settings; of the environment's only those of the connection are used. Raises
    CommandFailed if the result cannot be determined, and KeyboardInterrupt after SIGINT or SIGTERM. In every
    case all processes are ended that it has started.
    """
    stories = load_stories() if stories is None else stories
    # Its errors come as exceptions too, and its warnings are of no use to the user of a demo.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    console = make_console()
    show = Show(console)
    started = time.monotonic()
    with _signals(_interrupt), stage(stories, DEADLINE_SECONDS, show.say) as (scene, deadline):
        try:
            sent, seen, checks = _send_and_compare(scene, stories, deadline, show)
            if not keep:
                checks.append(_stopped(scene))
            show.everything(stories, sent, seen, checks)
            show.say(f"{time.monotonic() - started:.1f} s in all")
            if keep:
                _until_interrupted(scene, console)
                checks.append(_stopped(scene))
        finally:
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_IGN)
    return 0 if all(check.ok for check in checks) else 1


def _send_and_compare(
    scene: Stage, stories: tuple[Story, ...], deadline: Deadline, show: Show
) -> tuple[list[Sent], Seen, list[Check]]:
    """Sends all records, waits until the worker has handled them, and compares."""
    recorded = time.time_ns() // 1_000_000
    try:
        sent, seen = asyncio.run(_until_signal(_play(scene, stories, recorded, deadline, show)))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    except KafkaError as error:
        raise CommandFailed(f"a request to the broker failed: {type(error).__name__}") from None
    seen.samples = parse_metrics(scene.worker.metrics())
    return sent, seen, compare(stories, sent, seen, format_micros(recorded * 1000))


async def _until_signal(work: Coroutine[Any, Any, T]) -> T:
    """Returns what `work` does. A signal cancels it: an exception of the handler itself could come out of any
    task of the loop, and would stop the client library in the middle of anything."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None

    def cancel(_number: int, _frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(task.cancel)

    with _signals(cancel):
        return await work


async def _play(
    scene: Stage, stories: tuple[Story, ...], recorded: int, deadline: Deadline, show: Show
) -> tuple[list[Sent], Seen]:
    settings = scene.settings
    sources = [settings.topic_of(story.vendor) for story in stories]
    sent: list[Sent] = []
    positions: dict[str, Position] = {}
    async with TopicReader(settings) as reader:
        for act in (0, 1):
            bodies = [(story, body) for story in stories for body in story.acts()[act]]
            sent += await publish(settings, bodies, recorded)
            with show.progress(f"Act {act + 1}: {len(bodies)} records of {len(stories)} vendors") as left:

                def look(records: int, left: Callable[[int], None] = left) -> None:
                    scene.worker.check_alive()
                    left(records)

                positions = await reader.wait_done(sources, deadline, look)
        show.say("Reading everything back")
        return sent, await read_topics(reader, settings, positions)


def _stopped(scene: Stage) -> Check:
    return Check("the worker's exit code after SIGTERM", "0", str(scene.worker.stop()))


def _until_interrupted(scene: Stage, console: Console) -> None:
    try:
        console.print(Text(how_to_look(scene)), soft_wrap=True)
        while True:
            time.sleep(_LOOK_SECONDS)
            scene.worker.check_alive()
    except KeyboardInterrupt:
        return


@contextmanager
def _signals(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Gives SIGINT and SIGTERM to the handler. At the end the handlers are as before."""
    before = {number: signal.signal(number, handler) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """Makes SIGTERM a KeyboardInterrupt, as SIGINT is, so that everything is cleaned up."""
    raise KeyboardInterrupt
