"""The brokers, as a command of an operator uses them: rights are checked first, then logs are read."""

import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Final, NamedTuple

from aiokafka.errors import (
    KafkaError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from app.admin_client import AWAY, connect
from app.connection import client_security
from app.engine import (
    LogPartition,
    LogReader,
    Operation,
    ReaderConfig,
    ReadSession,
    UnusableChangelog,
    missing_right,
    topic_rights,
)
from app.errors import CommandFailed, RollcallError
from app.settings import Settings

Ranges = dict[LogPartition, tuple[int, int]]
"""The first offset, and the one after the last, of each partition that is read."""

_FETCH_BYTES: Final = 1 << 20


class Span(NamedTuple):
    """Which records of a log a command is asked for. Times are milliseconds since 1970, by the records' own
    timestamps; `since` is included, `until` is not."""

    since: int | None = None
    until: int | None = None
    partition: int | None = None
    first: int | None = None
    """An offset of `partition`; it is included."""
    end: int | None = None
    """An offset of `partition`; it is not included."""


class Logs:
    """Reads ranges of topics of which every right has been checked."""

    def __init__(self, session: ReadSession, partitions: Mapping[str, int]) -> None:
        self.session = session
        self.partitions = partitions
        """The number of partitions of each topic."""

    async def ranges(self, topics: Iterable[str], span: Span = Span()) -> Ranges:  # noqa: B008 - immutable
        """Returns what there is to read of the topics at this moment. Records that are written later are not
        in it. Empty ranges are left out.

        Raises KafkaError, and CommandFailed if a topic has no such partition.
        """
        logs = []
        for topic in topics:
            count = self.partitions[topic]
            if span.partition is not None and span.partition >= count:
                raise CommandFailed(f"topic {topic} has no partition {span.partition}: it has {count}")
            numbers = range(count) if span.partition is None else [span.partition]
            logs += [LogPartition(topic, number) for number in numbers]
        ends = await self.session.ends(logs)
        firsts = await self.session.beginnings(logs)
        if span.since is not None:
            found = await self.session.offsets_at(logs, span.since)
            firsts = {log: ends[log] if (at := found[log]) is None else at for log in logs}
        if span.until is not None:
            found = await self.session.offsets_at(logs, span.until)
            ends = {log: ends[log] if (at := found[log]) is None else min(at, ends[log]) for log in logs}
        if span.first is not None:
            firsts = {log: max(first, span.first) for log, first in firsts.items()}
        if span.end is not None:
            ends = {log: min(end, span.end) for log, end in ends.items()}
        return {log: (firsts[log], ends[log]) for log in logs if firsts[log] < ends[log]}


@asynccontextmanager
async def reading(
    settings: Settings,
    read: Sequence[str],
    write: Sequence[str] = (),
    *,
    committed: bool = True,
) -> AsyncIterator[Logs]:
    """Opens the logs of `read` when it is certain that these topics exist and may be read, and that those of
    `write` exist and may be written; brokers that do not tell rights refuse later.

    `committed`: whether records of aborted and open transactions are left out. Raises CommandFailed with one
    line for each thing that is missing, BrokerUnreachable and AccessRefused. Errors of aiokafka in the block
    become one of these.
    """
    with broker_errors(settings):
        partitions = await checked_partitions(settings, read, write)
        config = ReaderConfig(
            bootstrap_servers=settings.bootstrap,
            security=client_security(settings),
            max_partition_fetch_bytes=_FETCH_BYTES,
            isolation_level="read_committed" if committed else "read_uncommitted",
        )
        async with LogReader(config).session() as session:
            yield Logs(session, partitions)


async def checked_partitions(
    settings: Settings, read: Sequence[str], write: Sequence[str] = ()
) -> dict[str, int]:
    """Returns the number of partitions of each topic. Waits up to `settings.broker_wait` seconds for a
    broker. Raises as `reading` does."""
    topics = sorted({*read, *write})
    admin = await connect(settings, time.monotonic() + settings.broker_wait)
    try:
        described = {each["topic"]: each for each in await admin.describe_topics(topics)}
        rights = await topic_rights(admin, topics)
        problems = [
            problem
            for topic in topics
            if (problem := _problem(described[topic], rights.get(topic), topic in read, topic in write))
        ]
        if problems:
            raise CommandFailed("; ".join(problems))
        return {topic: len(each["partitions"]) for topic, each in described.items()}
    finally:
        await admin.close()


def _problem(
    described: Mapping[str, object], rights: frozenset[Operation] | None, read: bool, write: bool
) -> str | None:
    topic, code = str(described["topic"]), described["error_code"]
    if code == UnknownTopicOrPartitionError.errno:
        return f"topic {topic} does not exist"
    wanted: dict[Operation, bool] = {"READ": read, "WRITE": write}
    needed = [operation for operation, wants in wanted.items() if wants]
    if code == TopicAuthorizationFailedError.errno:
        return missing_right(needed[0], topic)
    if code:
        return f"topic {topic} cannot be described: the broker answers {code}"
    for operation in needed:
        if rights is not None and operation not in rights:
            return missing_right(operation, topic)
    return None


@contextmanager
def broker_errors(settings: Settings) -> Iterator[None]:
    """Makes one clear line of what aiokafka raises in the block, and of a changelog that cannot be used."""
    try:
        yield
    except RollcallError:
        raise
    except UnusableChangelog as error:
        raise CommandFailed(str(error)) from None
    except AWAY:
        raise CommandFailed(f"the brokers at {settings.bootstrap} no longer answer") from None
    except TopicAuthorizationFailedError:
        raise CommandFailed("not authorized: a right on a topic was taken away") from None
    except KafkaError as error:
        raise CommandFailed(f"the broker refused: {type(error).__name__}") from None
