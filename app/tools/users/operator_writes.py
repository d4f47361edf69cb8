"""Writes an operator's events to the canonical topic."""

from collections.abc import Iterable
from itertools import islice

from app.canonical import CONTENT_TYPE_HEADER
from app.engine import partition_of
from app.errors import CommandFailed
from app.settings import Settings
from app.tools.connected import broker_errors, checked_partitions
from app.tools.progress_line import ProgressLine, RateLimit
from app.tools.topic_writer import Outgoing, writing

_AT_ONCE = 500


async def write_events(
    settings: Settings, events: Iterable[tuple[bytes, bytes]], total: int = 1, per_second: float = 0.0
) -> None:
    """Returns when all in-sync replicas have the events, which are given as keys and values. `total`: their
    number. `per_second`: at most so many, 0 for no limit.

    Raises CommandFailed if one is refused, or if the brokers do not answer: then a part of them may be
    written.
    """
    topic = settings.topic_events
    with broker_errors(settings):
        partitions = (await checked_partitions(settings, (), [topic]))[topic]
        limit, line = RateLimit(per_second), ProgressLine("events", total)
        left, size = iter(events), min(_AT_ONCE, limit.batch)
        async with writing(settings) as writer:
            try:
                while some := list(islice(left, size)):
                    await limit.wait(len(some))
                    records = [
                        Outgoing(topic, partition_of(key, partitions), key, value, [CONTENT_TYPE_HEADER])
                        for key, value in some
                    ]
                    if refused := await writer.write(records):
                        raise CommandFailed(f"the broker refused an event: {next(iter(refused.values()))}")
                    line.add(len(some))
            finally:
                line.end()
