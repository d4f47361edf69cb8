"""Searches the topics for what is left of a deleted user, and says until when it may stay."""

from contextlib import aclosing
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from app.engine import Record
from app.errors import CommandFailed
from app.settings import Settings
from app.state import DeletedUser, micros_of
from app.tools.connected import Logs, Span, reading
from app.tools.scan import scan
from app.tools.users.erase_judge import EraseJudge
from app.tools.users.erasure_bounds import Until, compaction_until, marker_until, retention_until
from app.tools.users.key_dead_letters import DeadLetterFinder
from app.tools.users.key_events import event_in
from app.tools.users.key_rows import home_partition, read_rows
from app.tools.users.searched_values import UserValues
from app.tools.users.user_key import UserKey
from app.topic_admin import describe_topics
from app.topics import TopicDescription


class Remains(Struct):
    """What a topic still has of the user. Times are in milliseconds since 1970, -1 if there is none."""

    topic: str
    values: int = 0
    """How many records hold values of the user."""
    values_until: Until | None = None
    ids: int = 0
    """How many records hold the user's id and no value, such as the deletion itself."""
    ids_until: Until | None = None
    newest: int = -1
    newest_id: int = -1

    def add(self, holds: str, timestamp: int) -> None:
        if holds == "values":
            self.values += 1
            self.newest = max(self.newest, timestamp)
        else:
            self.ids += 1
            self.newest_id = max(self.newest_id, timestamp)


class ErasureReport(NamedTuple):
    """`deleted_at`: None if the marker of the deletion is gone, too. `searched_for`: the number of values.
    `others`: keys whose records hold one of the values; they may be of the same person."""

    deleted_at: str | None
    searched_for: int
    topics: list[Remains]
    others: list[str]


async def erasure_report(settings: Settings, user: UserKey) -> ErasureReport:
    """Returns what is left of a user. Raises CommandFailed if the user is not deleted, BrokerUnreachable and
    AccessRefused."""
    vendor = settings.topic_of(user.vendor)
    topics = [settings.topic_events, *settings.changelogs, vendor, settings.topic_dead_letter]
    described = await describe_topics(replace(settings, vendors=user.vendor))
    # Records of aborted transactions are on the disk, too.
    async with reading(settings, topics, committed=False) as logs:
        rows = await read_rows(logs, settings, user.key)
        if rows.user is not None and not isinstance(rows.user, DeletedUser):
            raise CommandFailed("the user is not deleted: rollcall forget deletes a user")
        values, origins = await _known_values(logs, settings, user)
        judge = EraseJudge(settings, user, values.pattern(), DeadLetterFinder(user, origins))
        remains = {topic: Remains(topic) for topic in topics}
        others: set[bytes] = set()
        async with aclosing(scan(logs, await logs.ranges(topics))) as batches:
            async for batch in batches:
                for record in batch.records:
                    found = judge.judge(batch.log.topic, batch.log.partition, record)
                    if found is None:
                        continue
                    if found.key == user.key:
                        remains[batch.log.topic].add(found.holds, record.timestamp)
                    elif found.key is not None:
                        others.add(found.key)
    deleted_at = None if rows.user is None else rows.user.deleted_at
    for each in remains.values():
        bound(each, settings, described.get(each.topic), deleted_at)
    names = sorted(key.decode("utf-8", "backslashreplace") for key in others)
    return ErasureReport(deleted_at, len(values), list(remains.values()), names)


async def _known_values(logs: Logs, settings: Settings, user: UserKey) -> tuple[UserValues, set[str]]:
    """Returns the values that the user's events and rows held, as far as they are still there, and the
    origins of the events."""
    values, origins = UserValues(), set()
    home = Span(partition=home_partition(logs, settings, user.key))
    ranges = await logs.ranges((settings.topic_events, *settings.changelogs), home)
    async with aclosing(scan(logs, ranges)) as batches:
        async for batch in batches:
            for record in batch.records:
                if record.key == user.key and record.value is not None:
                    values.add(record.value)
                    origins |= _origin_of(record, batch.log.topic == settings.topic_events)
    return values, origins


def _origin_of(record: Record, is_event: bool) -> set[str]:
    event = event_in(record.value or b"") if is_event else None
    return set() if event is None or not event.origin else {event.origin}


def bound(
    remains: Remains, settings: Settings, described: TopicDescription | None, deleted_at: str | None
) -> None:
    """Says in `remains` until when it may stay. `deleted_at`: the deletion that the marker has."""
    configs = {} if described is None else described.configs
    if remains.topic in settings.changelogs:
        # The marker or tombstone replaced what was before it.
        replaced = remains.newest_id
        if remains.values:
            not_yet = Until(None, "no worker has handled the deletion yet")
            remains.values_until = compaction_until(replaced, configs) if replaced >= 0 else not_yet
        if remains.ids and deleted_at is not None:
            grace = round(settings.grace_period * 1000)
            remains.ids_until = marker_until(micros_of(deleted_at) // 1000, grace, configs)
        return
    if remains.values:
        remains.values_until = retention_until(remains.newest, configs)
    if remains.ids:
        remains.ids_until = retention_until(remains.newest_id, configs)
