"""Makes both changelogs again, partition by partition, from a canonical topic and the old changelogs.

What the new changelogs hold is a function of offsets: of each log that is read, everything before an offset
that is kept in a group of the command. A second run goes on from there. Workers may be switched when they are
stopped and have committed nothing beyond these offsets (docs/tools/rebuild.md#why-nothing-is-lost).
"""

import time
from contextlib import aclosing

from app.canonical import Event
from app.engine import TABLE_NAMES, ChangelogRows, ChangelogRowsReader, LogPartition, TableName
from app.errors import CommandFailed
from app.settings import Settings
from app.tools.connected import Logs, reading
from app.tools.positions import Offsets, Positions
from app.tools.progress_line import ProgressLine
from app.tools.rebuilds.changelogs import refuse_lost, rows_reader
from app.tools.rebuilds.new_tables import (
    check_created,
    create,
    existing,
    new_topics,
    refuse_existing,
    switch_settings,
    with_tables,
)
from app.tools.rebuilds.older_users import OlderUsers
from app.tools.rebuilds.rebuild_plan import RebuildCheck, RebuildPlan, RebuildResult
from app.tools.rebuilds.rebuild_sources import RebuildSources
from app.tools.rebuilds.rebuilt_rows import FoldCounts, Oldest, RebuiltRows
from app.tools.rebuilds.row_writer import RowWriter
from app.tools.rebuilds.switch_state import switch_state
from app.tools.topic_writer import writing
from app.topics import output_topic


class TableRebuild:
    """One run of the command."""

    def __init__(self, settings: Settings, plan: RebuildPlan) -> None:
        self._settings = settings
        self._plan = plan
        self._new = with_tables(settings, plan.into)
        self._specs = new_topics(settings, self._new)
        self._sources = RebuildSources(settings, plan)
        self._old: dict[TableName, str] = {}
        """The old changelogs that exist."""
        self._positions = Positions(settings, f"{plan.into}-rebuild", plan.purpose())
        self._counts = FoldCounts()
        self._outputs = [output_topic(self._new, name, None) for name in self._new.changelogs]
        self._grace = int(settings.grace_period * 1_000_000)
        self._now = time.time_ns() // 1000

    async def run(self) -> RebuildResult | RebuildCheck:
        """Returns when everything that is written is acknowledged by all in-sync replicas.

        Raises CommandFailed if the rebuild is refused or cannot go on; TopicsError, BrokerUnreachable and
        AccessRefused.
        """
        settings, plan, fresh = self._settings, self._plan, not (self._plan.go_on or self._plan.check)
        await self._find_old()
        found = await existing(settings, self._specs)
        if fresh:
            refuse_existing(found)
        else:
            check_created(self._specs, found)
        before = [*self._sources.topics, *self._old.values()]
        committed = settings.isolation_level == "read_committed"
        older = 0
        async with reading(settings, before, committed=committed) as logs:
            self._check_counts(logs)
            await self._sources.cover(logs)
            if fresh:
                older = await self._check_older(logs)
        if fresh:
            described = await create(settings, self._specs)
            self._outputs = [output_topic(self._new, name, described) for name in self._new.changelogs]
        write = [] if plan.check else [*self._new.changelogs]
        async with reading(settings, [*before, *self._new.changelogs], write, committed=committed) as logs:
            return await (self._check(logs) if plan.check else self._write(logs, older))

    async def _find_old(self) -> None:
        """Finds the old changelogs that exist."""
        names = self._settings.changelogs
        specs = [each for each in new_topics(self._new, self._settings) if each.name in names]
        described = await existing(self._settings, specs)
        for name, topic in zip(TABLE_NAMES, names, strict=True):
            if topic in described:
                if described[topic].problem:
                    raise CommandFailed(described[topic].problem)
                self._old[name] = topic

    def _check_counts(self, logs: Logs) -> None:
        wanted = self._settings.partitions_events
        for topic, count in logs.partitions.items():
            if count != wanted:
                raise CommandFailed(
                    f"topic {topic} has {count} partitions, and PARTITIONS_EVENTS is {wanted}: rows of a user"
                    " would be in two partitions (to change the number, see `rollcall repartition`)"
                )

    async def _check_older(self, logs: Logs) -> int:
        """Returns how many users lose what only their old rows know. Raises CommandFailed if there are some,
        or may be some, and `--partial` is not said."""
        plan, topics = self._plan, " and ".join(self._sources.topics)
        if (
            len(self._old) < len(TABLE_NAMES)
            and not plan.partial
            and (begun := await self._sources.begun(logs))
        ):
            raise CommandFailed(
                f"an old changelog does not exist, and the first records of {begun} partitions of"
                f" {self._settings.topic_events} are gone: users without a later record would be missing;"
                " --partial leaves them out"
            )
        if not plan.without_old or not self._old:
            return 0
        older, reader = OlderUsers(plan.without_old), self._reader(logs, self._old)
        for number in range(self._settings.partitions_events):
            await self._sources.each_event(logs, number, older.note)
            ends = await logs.session.ends(reader.logs(number))
            older.compare(await reader.read(number, ends))
        if older.count and not plan.partial:
            raise CommandFailed(
                f"{older.count:,} users have something in their old rows that is older than their first event"
                f" on {topics}: --partial leaves it out"
            )
        return older.count

    def _reader(self, logs: Logs, topics: dict[TableName, str]) -> ChangelogRowsReader:
        return rows_reader(logs, self._settings, topics, self._settings.partitions_events)

    async def _write(self, logs: Logs, older: int) -> RebuildResult:
        settings, numbers = self._settings, range(self._settings.partitions_events)
        every = self._logs()
        if self._plan.go_on:
            kept = await self._positions.read(every)
            await self._check_lost(logs, kept)
        else:
            kept = await logs.session.beginnings(every)
            await self._positions.write(kept)
        ends = await logs.session.ends(every)
        line = ProgressLine("records", sum(end - kept.get(log, 0) for log, end in ends.items()))
        done: Offsets = {}
        merged = 0
        try:
            async with writing(settings) as writer:
                rows_out = RowWriter(writer)
                for number in numbers:
                    begin = await self._new_rows(logs, number) if self._plan.go_on else None
                    rows, ends, old = await self._made(logs, number, begin, kept, line)
                    merged += old
                    await rows_out.write(rows.outgoing(self._new.changelogs))
                    await self._positions.write(ends)
                    done |= ends
        finally:
            line.end()
        variables = switch_settings(settings, self._new)
        return RebuildResult(
            into=self._new.changelogs,
            sources=self._sources.topics,
            counts=self._counts,
            merged=merged,
            older=older,
            written=rows_out.written,
            switch=await switch_state(settings, done, variables),
        )

    async def _made(
        self, logs: Logs, number: int, begin: ChangelogRows | None, kept: Offsets, line: ProgressLine
    ) -> tuple[RebuiltRows, Offsets, int]:
        """Returns the rows of a partition, the offsets up to which they were made, and how many old rows were
        merged. `begin`: the rows to begin with. `kept`: from where on the logs are read."""
        count = self._settings.partitions_events
        old = self._reader(logs, self._old)
        sources = [LogPartition(topic, number) for topic in self._sources.topics]
        ends = await logs.session.ends([*sources, *old.logs(number)])
        old_rows = await old.read(number, ends, first=kept)
        least = min(self._outputs, key=lambda each: each.largest_record)
        rows = RebuiltRows(begin, (number, count), least, self._counts)
        oldest = Oldest(old_rows.ended, self._now - self._grace)
        for log in sources:

            def is_covered(event: Event, topic: str = log.topic) -> bool:
                return self._sources.is_covered(topic, event)

            async with aclosing(logs.session.read({log: (kept.get(log, 0), ends[log])})) as batches:
                async for _, records, _ in batches:
                    rows.fold(records, is_covered, oldest)
                    line.add(len(records))
        merged = rows.merge(old_rows, self._plan.without_old)
        rows.expire(self._now, self._grace)
        return rows, ends, merged

    def _logs(self) -> list[LogPartition]:
        """Returns all logs that are read, but for the new ones."""
        topics, numbers = (
            [*self._sources.topics, *self._old.values()],
            range(self._settings.partitions_events),
        )
        return [LogPartition(topic, number) for topic in topics for number in numbers]

    async def _check_lost(self, logs: Logs, kept: Offsets) -> None:
        """Raises CommandFailed if records of a canonical topic are gone that no run has read."""
        sources = [log for log in kept if log.topic in self._sources.topics]
        refuse_lost(await logs.session.beginnings(sources) if sources else {}, kept)

    async def _new_rows(self, logs: Logs, number: int) -> ChangelogRows:
        new = self._reader(logs, dict(zip(TABLE_NAMES, self._new.changelogs, strict=True)))
        return await new.read(number, await logs.session.ends(new.logs(number)))

    async def _check(self, logs: Logs) -> RebuildCheck:
        """Returns how the rows of the new changelogs differ from those that would be made now."""
        await self._positions.read(self._logs())
        found = RebuildCheck(self._new.changelogs)
        line = ProgressLine("records", 0)
        try:
            for number in range(self._settings.partitions_events):
                there = RebuiltRows(
                    await self._new_rows(logs, number), (number, 0), self._outputs[0], FoldCounts()
                )
                there.expire(self._now, self._grace)
                rows, _, _ = await self._made(logs, number, None, {}, line)
                found.compare((rows.users, rows.loyalty), (there.users, there.loyalty))
        finally:
            line.end()
        return found
