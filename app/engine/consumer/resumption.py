"""What operators see and do about the paused partitions of a worker."""

from collections.abc import Awaitable, Callable, Iterable

from app.engine.consumer.assignment import AssignmentState
from app.engine.consumer.client_thread import ClientThread
from app.engine.consumer.commit_note import MOST_SKIPPED
from app.engine.slices import Partition


class NotCommitted(Exception):
    """What an operator asked for was not committed, so it may not hold after the rebalance under way."""


class Resumption:
    """Pauses partitions, and resumes them, however they were paused. Called by the worker's HTTP server, in
    the event loop."""

    def __init__(
        self,
        state: AssignmentState,
        client: ClientThread,
        *,
        commit: Callable[[], Awaitable[bool]],
        look_for_room: Callable[[], None],
    ) -> None:
        """`commit` commits everything that is committable. `look_for_room` is called when there is more to
        fetch."""
        self._state = state
        self._client = client
        self._commit = commit
        self._look_for_room = look_for_room

    def paused(self) -> dict[Partition, str]:
        """Returns the partitions of this worker that are paused, with their reasons."""
        return self._state.paused.all()

    def withheld(self) -> dict[Partition, str]:
        """Returns those of them whose tables must not be used."""
        return dict(self._state.paused.withheld)

    async def pause(self, topic: str, reason: str) -> int:
        """Returns the number of partitions of a topic that this worker has, when all of them are paused, and
        no restart can forget it. One that is paused already keeps its reason.

        Raises NotCommitted if the group rebalances, or if the worker has not begun with its partitions.
        """
        paused = self._state.pause_topic(topic, reason)
        if paused is None:
            raise NotCommitted
        self._look_for_room()
        committed = await self._commit() or not self._state.committable().keys() & paused
        if not committed or paused - self._state.paused.reasons.keys():
            raise NotCommitted
        return len(paused)

    def resume(self, topic: str, skip: tuple[Partition, int] | None = None) -> dict[Partition, str]:
        """Returns the paused partitions of a topic that this worker has, with their reasons, and resumes
        them. `skip`: the offset of a record of one of them, which becomes a dead letter unread."""
        resumed = self._state.resume(topic, skip)
        self._look_for_room()
        return resumed

    async def skippable(self, partition: Partition) -> range | None:
        """Returns the offsets of a paused partition of which one can be skipped; None if the brokers do not
        tell."""
        if len(self._state.paused.skips.get(partition, ())) >= MOST_SKIPPED:
            return range(0)
        begin = self._state.position(partition)
        end = await self._client.end_offset(partition)
        return None if end is None else range(begin, end)

    async def commit_resumed(self, resumed: Iterable[Partition]) -> None:
        """Returns when no restart can pause these partitions again.

        Raises NotCommitted if the group rebalances: then the next owner of the partitions pauses them again.
        """
        resumed = set(resumed)
        if not await self._commit() and self._state.committable().keys() & resumed:
            raise NotCommitted
        if resumed & self._state.paused.unrestored:
            # Their tables are restored when they are assigned again.
            await self._client.rejoin()
