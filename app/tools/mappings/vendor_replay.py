"""Reads a range of a vendor's topic, and writes the events of its records with today's mapping."""

import asyncio
import time
from collections import Counter
from contextlib import aclosing
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from app.errors import CommandFailed
from app.settings import Settings
from app.times import format_micros
from app.tools.connected import Logs, Ranges, Span, broker_errors, checked_partitions, reading
from app.tools.mappings.remapping import RemappedCounts, Remapping
from app.tools.mappings.replay_progress import ProgressFile, RangesLeft, ReplayProgress
from app.tools.new_topics import check_count, make_topic, new_canonical_topic
from app.tools.progress_line import ProgressLine, RateLimit
from app.tools.rebuilds.coverage import range_header
from app.tools.topic_writer import Outgoing, TopicWriter, writing
from app.topics import output_topic
from app.vendors import VENDORS

# So many events, or bytes of them, are written together, and waited for.
_EVENTS: Final = 1_000
_BYTES: Final = 4 << 20
# Without events nothing is written, and the progress is still counted.
_RECORDS: Final = 5_000


class ReplayPlan(Struct, frozen=True, kw_only=True):
    """What a replay is asked for. `into`: None for the canonical topic. `per_second`: events a second, 0 for
    no limit."""

    vendor: str
    span: Span = Span()
    into: str | None = None
    append: bool = False
    allow_old: bool = False
    per_second: float = 0.0
    dry_run: bool = False
    progress: Path | None = None


class ReplayResult(Struct, frozen=True, kw_only=True):
    """What a replay did. `refused`: events that the broker refused for themselves."""

    vendor: str
    topic: str
    into: str
    dry_run: bool
    counts: RemappedCounts
    refused: dict[str, int]

    def lines(self) -> list[str]:
        counts, refused = self.counts, sum(self.refused.values())
        done = "would be written" if self.dry_run else "written"
        told = [f"{self.topic}: {line}" if not index else line for index, line in enumerate(counts.lines())]
        told.append(f"{counts.events - refused:,} events {done} to {self.into}")
        told += [f"{count:,} events refused by the broker: {name}" for name, count in self.refused.items()]
        if counts.too_old:
            told.append(
                f"{counts.too_old:,} events left out, because they are older than GRACE_PERIOD:"
                " --allow-old writes them"
            )
        return told

    def members(self) -> dict[str, Any]:
        return {
            "vendor": self.vendor,
            "topic": self.topic,
            "into": self.into,
            "dry_run": self.dry_run,
            **self.counts.members(),
            "written": 0 if self.dry_run else self.counts.events - sum(self.refused.values()),
            "refused": self.refused,
        }


class VendorReplay:
    """One run of the command."""

    def __init__(self, settings: Settings, plan: ReplayPlan) -> None:
        self._settings = settings
        self._plan = plan
        self._topic = settings.topic_of(plan.vendor)
        self._into = plan.into or settings.topic_events
        self._file = ProgressFile(None if plan.dry_run else plan.progress)
        self._progress = ReplayProgress(self._topic, self._into, plan.span, {})
        self._limit = RateLimit(0.0 if plan.dry_run else plan.per_second)
        self._written = 0
        self._refused: Counter[str] = Counter()
        self._last: Outgoing | None = None
        """The last event that was written."""

    def where_it_stopped(self) -> str:
        """Returns what is to be said after Ctrl-C."""
        line = f"{self._written:,} events are written to {self._into}"
        if self._plan.dry_run or self._plan.progress is None:
            return line + "; the same command begins again, and repeats are harmless"
        return line + "; the same command goes on from there"

    async def run(self) -> ReplayResult:
        """Returns when all events of the range are acknowledged by all in-sync replicas.

        Raises CommandFailed if the replay is refused or cannot go on; TopicsError, BrokerUnreachable and
        AccessRefused.
        """
        settings, plan = self._settings, self._plan
        earlier = self._file.read(self._topic, self._into, plan.span)
        if plan.into is not None:
            await self._make_target(plan.into)
        committed = settings.isolation_level == "read_committed"
        write = [] if plan.dry_run else [self._into]
        async with reading(settings, [self._topic], write, committed=committed) as logs:
            if not plan.dry_run:
                check_count(self._into, logs.partitions[self._into], settings.partitions_events)
                if plan.into is not None and not (plan.append or earlier):
                    await self._check_empty(logs)
            ranges = await self._ranges(logs, earlier)
            mapping = self._mapping()
            async with writing(settings) as writer:
                await self._replay(logs, ranges, mapping, None if plan.dry_run else writer)
                if plan.into is not None and self._last is not None:
                    await self._write(writer, [await self._mark(logs, ranges, self._last)])
        return ReplayResult(
            vendor=plan.vendor,
            topic=self._topic,
            into=self._into,
            dry_run=plan.dry_run,
            counts=mapping.counts,
            refused=dict(self._refused),
        )

    async def _make_target(self, name: str) -> None:
        settings, topic = self._settings, new_canonical_topic(self._settings, name)
        if not self._plan.dry_run:
            # A command that is refused for the vendor's topic must not leave an empty new one.
            with broker_errors(settings):
                await checked_partitions(settings, [self._topic])
            await make_topic(settings, topic)

    async def _check_empty(self, logs: Logs) -> None:
        if await logs.ranges([self._into]):
            raise CommandFailed(
                f"topic {self._into} has records already: name a new topic, or add to it with --append"
            )

    async def _ranges(self, logs: Logs, earlier: ReplayProgress | None) -> Ranges:
        if earlier is None:
            return await logs.ranges([self._topic], self._plan.span)
        ranges = earlier.ranges()
        ends = await logs.session.ends(ranges)
        if any(end > ends[log] for log, (_first, end) in ranges.items()):
            raise CommandFailed(f"topic {self._topic} ends before {self._plan.progress}: it was made again")
        return ranges

    async def _mark(self, logs: Logs, ranges: Ranges, last: Outgoing) -> Outgoing:
        """Returns the last event once more, with a header that tells what the command has read, in this run
        and in earlier ones: `rebuild` leaves the events out that another canonical topic has of it."""
        begun = await logs.ranges([self._topic], self._plan.span)
        # An earlier run with the same progress began where this command begins.
        told = {
            log: (min(first, begun.get(log, (first, end))[0]), end) for log, (first, end) in ranges.items()
        }
        return last._replace(headers=[*last.headers, range_header(told)])

    def _mapping(self) -> Remapping:
        settings, plan = self._settings, self._plan
        oldest = time.time_ns() // 1000 - int(settings.grace_period * 1_000_000)
        canonical = output_topic(settings, settings.topic_events, None)
        return Remapping(
            VENDORS[plan.vendor],
            settings.options_of(plan.vendor),
            msgspec.structs.replace(canonical, topic=self._into),
            "" if plan.allow_old else format_micros(oldest),
        )

    async def _replay(
        self, logs: Logs, ranges: Ranges, mapping: Remapping, writer: TopicWriter | None
    ) -> None:
        line = ProgressLine("records", sum(end - first for first, end in ranges.values()))
        left = RangesLeft(self._progress, self._file, ranges)
        pending, size, mapped = list[Outgoing](), 0, 0
        most = min(_EVENTS, self._limit.batch)
        try:
            async with aclosing(logs.session.read(ranges)) as batches:
                async for log, records, _producer in batches:
                    partition = f"{log.topic}/{log.partition}"
                    for record in records:
                        events = mapping.map(record, partition)
                        pending += events
                        size += sum(len(each.value or b"") for each in events)
                        mapped += 1
                        left.mapped(log, record.offset)
                        if len(pending) >= most or size >= _BYTES or mapped >= _RECORDS:
                            await self._write(writer, pending)
                            left.written()
                            line.add(mapped)
                            pending, size, mapped = [], 0, 0
            await self._write(writer, pending)
            left.ended()
        finally:
            line.end()
            left.keep()

    async def _write(self, writer: TopicWriter | None, events: list[Outgoing]) -> None:
        if writer is None or not events:
            await asyncio.sleep(0)
            return
        await self._limit.wait(len(events))
        refused = await writer.write(events)
        self._refused.update(refused.values())
        self._written += len(events) - len(refused)
        self._last = next((each for index, each in enumerate(events) if index not in refused), self._last)
