"""Copies the canonical topic and both changelogs to another number of partitions, by key.

Of each old log, everything before an offset that is kept in a group of the command is in the new topics. When
the workers are stopped, what they have not committed is copied a second time, and their group begins in the
new canonical topic before these copies (docs/tools/repartition.md#why-nothing-is-lost).
"""

from collections.abc import Iterator

from app.engine import (
    TABLE_NAMES,
    ChangelogRows,
    ChangelogRowsReader,
    LogPartition,
    Pair,
    partition_of,
)
from app.errors import CommandFailed
from app.settings import Settings
from app.tools.connected import Logs, reading
from app.tools.positions import Offsets, Positions, commit, committed_of, members_of
from app.tools.progress_line import ProgressLine, RateLimit
from app.tools.rebuilds.canonical_copy import CanonicalCopy
from app.tools.rebuilds.changelogs import refuse_lost, rows_reader
from app.tools.rebuilds.group_move import move_group
from app.tools.rebuilds.new_tables import (
    check_created,
    create,
    existing,
    new_topics,
    refuse_existing,
    switch_settings,
    with_partitions,
)
from app.tools.rebuilds.rebuilt_rows import row_records
from app.tools.rebuilds.repartition_plan import (
    MovedGroup,
    RepartitionCheck,
    RepartitionPlan,
    RepartitionResult,
    RowSums,
)
from app.tools.rebuilds.row_writer import RowWriter
from app.tools.rebuilds.switch_state import switch_state
from app.tools.topic_writer import Outgoing, writing

_NOTHING = Pair(None, None)


class TopicRepartition:
    """One run of the command."""

    def __init__(self, settings: Settings, plan: RepartitionPlan) -> None:
        self._settings = settings
        self._plan = plan
        self._new = with_partitions(settings, plan.into, plan.partitions)
        self._specs = new_topics(settings, self._new)
        self._old_count = settings.partitions_events
        if plan.partitions == self._old_count:
            raise CommandFailed(f"the topics have {plan.partitions} partitions already")
        self._positions = Positions(
            settings, f"{plan.into}-repartition", f"repartition to {plan.partitions} partitions"
        )
        self._copy = CanonicalCopy(
            (settings.topic_events, self._old_count),
            (self._new.topic_events, plan.partitions),
            RateLimit(plan.per_second),
        )

    async def run(self) -> RepartitionResult | RepartitionCheck | MovedGroup:
        """Returns when everything that is written is acknowledged by all in-sync replicas.

        Raises CommandFailed if the work is refused or cannot go on; TopicsError, BrokerUnreachable and
        AccessRefused.
        """
        settings, plan = self._settings, self._plan
        fresh = not (plan.go_on or plan.check or plan.move_group)
        found = await existing(settings, self._specs)
        if fresh:
            refuse_existing(found)
        else:
            check_created(self._specs, found)
        new_names = [self._new.topic_events, *self._new.changelogs]
        if plan.move_group:
            async with reading(settings, [settings.topic_events], new_names[:1]) as logs:
                await move_group(settings, logs, self._positions, plan.move_group, self._new.topic_events)
            return MovedGroup(plan.move_group, self._new.topic_events)
        old_names = [settings.topic_events, *settings.changelogs]
        committed = settings.isolation_level == "read_committed"
        async with reading(settings, old_names, committed=committed) as logs:
            self._check_counts(logs, old_names)
        if fresh:
            await create(settings, self._specs)
        if plan.check:
            async with reading(settings, [*settings.changelogs, *self._new.changelogs]) as logs:
                return await self._check(logs)
        async with reading(settings, old_names, new_names, committed=committed) as logs:
            return await self._write(logs)

    def _check_counts(self, logs: Logs, topics: list[str]) -> None:
        for topic in topics:
            if logs.partitions[topic] != self._old_count:
                raise CommandFailed(
                    f"topic {topic} has {logs.partitions[topic]} partitions, and PARTITIONS_EVENTS is"
                    f" {self._old_count}"
                )

    async def _write(self, logs: Logs) -> RepartitionResult:
        settings, session = self._settings, logs.session
        every = [
            LogPartition(topic, number)
            for topic in (settings.topic_events, *settings.changelogs)
            for number in range(self._old_count)
        ]
        begun = await session.beginnings(every)
        kept = begun | (await self._kept(begun) if self._plan.go_on else {})
        if not self._plan.go_on:
            await self._positions.write(kept)
        # What follows is right in any case if a worker runs, or begins to run, but then it is not the switch.
        idle = not await members_of(settings, settings.app_id)
        sources = [log for log in every if log.topic == settings.topic_events]
        targets = [LogPartition(self._new.topic_events, number) for number in range(self._plan.partitions)]
        committed = await committed_of(settings, settings.app_id, sources) if idle else {}
        base = await session.ends(targets)
        ends = await session.ends(every)
        first = {
            log: min(kept[log], committed.get(log, begun[log])) if idle else kept[log] for log in sources
        }
        line = ProgressLine("records", sum(ends[log] - first.get(log, kept[log]) for log in every))
        try:
            async with writing(settings) as writer:
                out = RowWriter(writer)
                ranges = {log: (first[log], ends[log]) for log in sources if first[log] < ends[log]}
                await self._copy.copy(logs, ranges, out, self._positions, line)
                await self._copy_rows(logs, kept, out, line)
        finally:
            line.end()
        variables = switch_settings(settings, self._new)
        state = await switch_state(settings, {log: ends[log] for log in sources}, variables)
        if not state.reason and idle:
            await self._begin_group(logs, targets, base)
        return RepartitionResult(
            topics=[self._new.topic_events, *self._new.changelogs],
            written=out.written,
            again=sum(max(min(kept[log], ends[log]) - first[log], 0) for log in sources),
            left_out=self._copy.left_out,
            switch=state,
        )

    async def _kept(self, begun: Offsets) -> Offsets:
        kept = await self._positions.read(begun)
        refuse_lost(begun, kept)
        return kept

    async def _begin_group(self, logs: Logs, targets: list[LogPartition], base: Offsets) -> None:
        """Commits where the workers begin in the new canonical topic, and keeps where it ended when they were
        switched. A commit that is there stays if it is before: then more is read a second time."""
        settings = self._settings
        prior = await committed_of(settings, settings.app_id, targets) if self._plan.go_on else {}
        await commit(
            settings, settings.app_id, {log: min(at, prior.get(log, at)) for log, at in base.items()}
        )
        if not prior:
            await self._positions.write(await logs.session.ends(targets))

    async def _copy_rows(self, logs: Logs, kept: Offsets, out: RowWriter, line: ProgressLine) -> None:
        reader = self._reader(logs, self._settings, self._old_count)
        for number in range(self._old_count):
            ends = await logs.session.ends(reader.logs(number))
            since = {log: kept[log] for log in ends} if self._plan.go_on else None
            if since != ends:
                await out.write(self._records(await reader.read(number, ends, since=since)))
                await self._positions.write(ends)
            line.add(sum(end - kept[log] for log, end in ends.items()))

    def _records(self, rows: ChangelogRows) -> Iterator[Outgoing]:
        topics, count = self._new.changelogs, self._plan.partitions
        if self._plan.go_on:
            for key, before in rows.changed.items():
                yield from row_records(key, before, rows.pair(key), topics, partition_of(key, count))
            return
        for key in rows.users.keys() | rows.loyalty.keys():
            yield from row_records(key, _NOTHING, rows.pair(key), topics, partition_of(key, count))

    def _reader(self, logs: Logs, settings: Settings, count: int) -> ChangelogRowsReader:
        topics = dict(zip(TABLE_NAMES, settings.changelogs, strict=True))
        return rows_reader(logs, self._settings, topics, count)

    async def _check(self, logs: Logs) -> RepartitionCheck:
        """Returns how the rows of the new changelogs differ from those of the old ones."""
        numbers = range(self._old_count)
        found = RepartitionCheck({each: RowSums() for each in numbers}, {each: RowSums() for each in numbers})
        old = self._reader(logs, self._settings, self._old_count)
        for number in numbers:
            rows = await old.read(number, await logs.session.ends(old.logs(number)))
            found.old[number].add(rows.users.items())
            found.old[number].add(rows.loyalty.items())
        new = self._reader(logs, self._new, self._plan.partitions)
        for number in range(self._plan.partitions):
            rows = await new.read(number, await logs.session.ends(new.logs(number)))
            for store in (rows.users, rows.loyalty):
                for key, row in store.items():
                    found.new[partition_of(key, self._old_count)].add([(key, row)])
        return found
