"""The consumer group of one run of a command: one process at a time, and how far the run has come.

The first member of the group has all partitions until it leaves or dies; every later one gets none and ends.
The group's coordinator takes commits only from who has them, so no second process can pass over anything.
"""

import asyncio
import logging
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata
from aiokafka.errors import CommitFailedError, GroupAuthorizationFailedError, IllegalStateError
from aiokafka.structs import OffsetAndMetadata

from app.connection import connection_options
from app.engine import committed_offsets
from app.errors import CommandFailed
from app.group_admin import ask_group
from app.settings import Settings

Committed = Mapping[int, tuple[int, str]]
"""By the number of the partition, a committed offset and its metadata."""

# A client waits at most 40 s for the answer with which it becomes a member, and that answer comes at the
# latest when the session of a killed member is over.
_LONGEST_SESSION: Final = 30.0
_HEARTBEAT_MS: Final = 1_000
_VERSION: Final = 0
_NEVER_MS: Final = (1 << 31) - 1
# Brokers wait 3 s for more members before a new group settles.
_TELL_SECONDS: Final = 5.0


class FirstTakesAll:
    """The group's assignor: all partitions to the member that is the longest in it.

    aiokafka asks the object for its metadata before it joins, and tells it what it was given, so the object
    knows at any time whether it is the one.
    """

    name = "first-takes-all"

    def __init__(self, topic: str, given: Callable[[list[TopicPartition]], None]) -> None:
        """`given` is called with the partitions of this member, whenever the group has settled."""
        self._topic = topic
        self._given = given
        self._since = time.time_ns()
        self.settled = asyncio.Event()
        """Whether it is known what this member has."""
        self.has_all = False
        self.joins = 0

    def metadata(self, topics: Iterable[str]) -> Any:
        """Returns what a member says when it joins: since when it exists."""
        self.settled.clear()
        self.joins += 1
        return ConsumerProtocolMemberMetadata(_VERSION, list(topics), b"%d" % self._since)

    def assign(self, cluster: Any, members: Mapping[str, Any]) -> dict[str, Any]:
        """Returns what each member gets."""
        first = min(members, key=lambda each: (_since(members[each].user_data), each))
        numbers = sorted(cluster.partitions_for_topic(self._topic) or ())
        return {
            each: ConsumerProtocolMemberAssignment(
                _VERSION, [(self._topic, numbers)] if each == first else [], b""
            )
            for each in members
        }

    def on_assignment(self, assignment: Any) -> None:
        """Takes what this member got."""
        partitions = assignment.partitions()
        self.has_all = bool(partitions)
        self._given(partitions)
        self.settled.set()


def _since(user_data: bytes | None) -> float:
    """Returns since when a member exists; one that does not tell is the last."""
    return int(user_data) if user_data and user_data.isdigit() else float("inf")


class RunGroup:
    """A member of the group."""

    def __init__(self, settings: Settings, group: str, topic: str) -> None:
        self.group = group
        self._settings = settings
        self._topic = topic
        self._session = min(settings.session_timeout, _LONGEST_SESSION)
        self._assignor = FirstTakesAll(topic, self._pause)
        self._consumer = AIOKafkaConsumer(
            topic,
            **connection_options(settings),
            group_id=group,
            enable_auto_commit=False,
            partition_assignment_strategy=[self._assignor],
            session_timeout_ms=round(self._session * 1000),
            heartbeat_interval_ms=_HEARTBEAT_MS,
            max_poll_interval_ms=_NEVER_MS,
        )
        self._joins = 0
        self._offsets: dict[int, int] = {}

    def _pause(self, partitions: list[TopicPartition]) -> None:
        """The group is for commits only: another connection reads."""
        self._consumer.pause(*partitions)

    async def join(self) -> None:
        """Returns when this member has the partitions. Raises CommandFailed if another one has them, and
        KafkaError."""
        starting = asyncio.ensure_future(self._consumer.start())
        try:
            await asyncio.wait({starting}, timeout=_TELL_SECONDS)
            if not starting.done():
                sys.stderr.write(
                    f"waiting for group {self.group}: a killed member stays in it for up to"
                    f" {self._session:g} s\n"
                )
            await starting
        except GroupAuthorizationFailedError:
            raise self._missing_right() from None
        finally:
            starting.cancel()
        await self.own()

    async def own(self) -> None:
        """Returns when this member has the partitions. Raises CommandFailed if another one has them, or had
        them meanwhile."""
        try:
            await asyncio.wait_for(self._assignor.settled.wait(), 3 * self._session)
        except TimeoutError:
            raise CommandFailed(f"group {self.group} does not settle: run it again") from None
        if not self._assignor.has_all:
            raise CommandFailed(f"another process is at work in group {self.group}: wait until it has ended")
        if self._joins not in (0, self._assignor.joins):
            found = await self.committed()
            if any(found.get(number, (-1, ""))[0] != offset for number, offset in self._offsets.items()):
                raise CommandFailed(
                    f"another process has gone on in group {self.group} meanwhile: run it again"
                )
        self._joins = self._assignor.joins

    async def committed(self) -> Committed:
        """Returns what the group has committed. Raises KafkaError."""
        return await committed_of_run(self._settings, self.group, self._topic)

    async def commit(self, commits: Committed) -> None:
        """Returns when the offsets are committed, with their metadata. Raises as `own`, and KafkaError."""
        wanted = {
            TopicPartition(self._topic, number): OffsetAndMetadata(offset, metadata)
            for number, (offset, metadata) in commits.items()
        }
        while True:
            await self.own()
            try:
                await self._consumer.commit(wanted)
                break
            except (CommitFailedError, IllegalStateError):
                # The group settles again, because another member came, or because it gave this one up.
                self._assignor.settled.clear()
        self._offsets |= {number: offset for number, (offset, _metadata) in commits.items()}

    async def leave(self) -> None:
        """Returns when this member has left the group."""
        await self._consumer.stop()

    def _missing_right(self) -> CommandFailed:
        return CommandFailed(f"not authorized to read group {self.group}: READ on it is missing")


async def committed_of_run(settings: Settings, group: str, topic: str) -> Committed:
    """Returns what a group has committed of a topic. Raises CommandFailed and BrokerUnreachable."""
    return await ask_group(settings, lambda admin: committed_offsets(admin, group, topic), "read", group)


@asynccontextmanager
async def joined(settings: Settings, group: str, topic: str) -> AsyncIterator[RunGroup]:
    """Opens the group, for this process alone. Raises as `RunGroup.join`."""
    with _quiet():
        run = RunGroup(settings, group, topic)
        try:
            await run.join()
            yield run
        finally:
            await run.leave()


@contextmanager
def _quiet() -> Any:
    """Silences aiokafka, which warns whenever a group settles."""
    logger = logging.getLogger("aiokafka")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
