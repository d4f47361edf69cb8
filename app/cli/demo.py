"""`rollcall demo`: the main job, live, and compared with what the stories say."""

import asyncio
import logging
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from aiokafka.errors import KafkaError
from rich.text import Text

from app.cli.failed import Failed
from app.demo.compare import Check, compare
from app.demo.keep import how_to_look
from app.demo.look import Position, Reader, Seen, parse_metrics, read_topics
from app.demo.publish import Sent, publish
from app.demo.show import Show, make_console
from app.demo.stage import Stage, stage
from app.demo.stories import STORIES
from app.demo.story import Story
from app.demo.waiting import Deadline
from app.settings import Settings
from app.times import format_micros

# From the running broker on. It takes some seconds; so much is for a slow machine.
DEADLINE_SECONDS: Final = 120.0
_LOOK_SECONDS: Final = 0.5
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


def run_demo(_settings: Settings, *, keep: bool, stories: tuple[Story, ...] = STORIES) -> int:
    """0 if every line is as the stories say, else 1. Call it in the main thread: it handles signals.

    Of the environment's settings only the broker's count: the stories have their own. Raises Failed
    where it cannot be told, and KeyboardInterrupt where SIGINT or SIGTERM end it; nothing is left
    running either way.
    """
    # Its errors reach us as exceptions, its warnings tell nobody here anything.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    console = make_console()
    show = Show(console)
    started = time.monotonic()
    with _signals_interrupt(), stage(stories, DEADLINE_SECONDS, show.say) as (scene, deadline):
        try:
            sent, seen, checks = _tell(scene, stories, deadline, show)
            if not keep:
                checks.append(_stopped(scene))
            show.everything(stories, sent, seen, checks)
            show.say(f"{time.monotonic() - started:.1f} s in all")
            if keep:
                console.print(Text(how_to_look(scene)), soft_wrap=True)
                _until_interrupted(scene)
                checks.append(_stopped(scene))
        finally:
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_IGN)
    return 0 if all(check.ok for check in checks) else 1


def _tell(
    scene: Stage, stories: tuple[Story, ...], deadline: Deadline, show: Show
) -> tuple[list[Sent], Seen, list[Check]]:
    """Sends everything, waits until it is done, and compares."""
    recorded = time.time_ns() // 1_000_000
    try:
        sent, seen = asyncio.run(_play(scene, stories, recorded, deadline, show))
    except KafkaError as error:
        raise Failed(f"the broker does not answer as it should: {type(error).__name__}") from None
    seen.samples = parse_metrics(scene.worker.metrics())
    return sent, seen, compare(stories, sent, seen, format_micros(recorded * 1000))


async def _play(
    scene: Stage, stories: tuple[Story, ...], recorded: int, deadline: Deadline, show: Show
) -> tuple[list[Sent], Seen]:
    settings = scene.settings
    sources = [settings.topic_of(story.vendor) for story in stories]
    sent: list[Sent] = []
    positions: dict[str, Position] = {}
    async with Reader(settings) as reader:
        for act in (0, 1):
            told = [(story, body) for story in stories for body in story.acts()[act]]
            sent += await publish(settings, told, recorded)
            with show.progress(f"Act {act + 1}: {len(told)} records of {len(stories)} vendors") as left:

                def look(records: int, left: Callable[[int], None] = left) -> None:
                    scene.worker.check_alive()
                    left(records)

                positions = await reader.wait_done(sources, deadline, look)
        show.say("Reading everything back")
        return sent, await read_topics(reader, settings, positions)


def _stopped(scene: Stage) -> Check:
    return Check("the worker's exit code after SIGTERM", "0", str(scene.worker.stop()))


def _until_interrupted(scene: Stage) -> None:
    try:
        while True:
            time.sleep(_LOOK_SECONDS)
            scene.worker.check_alive()
    except KeyboardInterrupt:
        return


@contextmanager
def _signals_interrupt() -> Iterator[None]:
    """SIGTERM is a KeyboardInterrupt too, so that everything is put away; afterwards all is as before."""
    before = {number: signal.signal(number, _interrupt) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
