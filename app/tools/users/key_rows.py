"""Reads both rows of one key as a worker would restore them."""

from contextlib import aclosing

from app.engine import ChangelogReplay, partition_of
from app.errors import CommandFailed
from app.settings import Settings
from app.state import Rows, decode_loyalty, decode_user
from app.table_rules import TABLE_RULES
from app.tools.connected import Logs, Span, reading
from app.tools.scan import scan


async def read_rows(logs: Logs, settings: Settings, key: bytes) -> Rows:
    """Returns both rows of a key from the changelogs as they are at this moment.

    Raises KafkaError, and CommandFailed if a later version wrote one of the rows.
    """
    users, loyalty = settings.changelogs
    partition = partition_of(key, logs.partitions[users])
    replay = ChangelogReplay(TABLE_RULES, merge_all=settings.recovery_merge_all)
    ranges = await logs.ranges((users, loyalty), Span(partition=partition))
    async with aclosing(scan(logs, ranges)) as batches:
        async for batch in batches:
            records = [record for record in batch.records if record.key == key]
            replay.read("users" if batch.log.topic == users else "loyalty", records, batch.producer)
    tables = replay.finish()
    if any(table.findings.later is not None for table in tables.values()):
        raise CommandFailed("a later version of Rollcall wrote a row of this key: use that version")
    user, balance = (tables[name].rows.get(key) for name in ("users", "loyalty"))
    return Rows(
        None if user is None else decode_user(user), None if balance is None else decode_loyalty(balance)
    )


def home_partition(logs: Logs, settings: Settings, key: bytes) -> int:
    """Returns the partition of the key in the canonical topic. Raises CommandFailed if a changelog has
    another number of partitions: then the key has no partition that all of them share."""
    counts = {topic: logs.partitions[topic] for topic in (settings.topic_events, *settings.changelogs)}
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{topic} has {count}" for topic, count in counts.items())
        raise CommandFailed(f"the numbers of partitions differ: {told}")
    return partition_of(key, counts[settings.topic_events])


async def read_one(settings: Settings, key: bytes) -> Rows:
    """Returns both rows of a key, for a command that is going to write an event of it. The changelogs are
    read as a worker reads them, with what is written in transactions. Raises CommandFailed,
    BrokerUnreachable and AccessRefused."""
    async with reading(settings, settings.changelogs, [settings.topic_events], committed=False) as logs:
        home_partition(logs, settings, key)
        return await read_rows(logs, settings, key)
