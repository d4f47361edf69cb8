"""What the group's coordinator answers to this worker: heartbeats, refusals, or that there is no coordinator.

It carries events of one client of aiokafka to `CoordinatorWatch`, and does what that answers. Everything runs
in the client's thread; the other threads only read.
"""

import asyncio
import logging
from functools import partial
from time import monotonic
from typing import Any

import aiokafka
from aiokafka.errors import NoError, for_code
from aiokafka.protocol.group import LeaveGroupRequest

from app.engine.config import ConsumerConfig
from app.engine.consumer import static_member
from app.engine.consumer.coordinator_watch import RETRY_SECONDS, CoordinatorWatch, Step
from app.engine.fatal import describe, die, refuse
from app.engine.watchdog.absence import Absence

_NO_GENERATION = -1
"""aiokafka sets this generation when a heartbeat is refused."""

logger = logging.getLogger(__name__)


class GroupMembership:
    """Of one client. It replaces the private parts in which aiokafka would keep what must be known here."""

    last_heartbeat: float = 0.0
    """Monotonic time in seconds at which the last heartbeat that was answered had been sent; 0.0 before the
    first."""

    def __init__(self, group: str, config: ConsumerConfig) -> None:
        self._instance = config.group_instance_id
        self._watch = CoordinatorWatch(group, config.session_timeout, self._instance)
        self._must_look_at_assignment = bool(self._instance)
        self._has_unsubscribed = False
        self._metadata_is_fresh = 2 * config.metadata_max_age
        self._metadata_at = 0.0
        self._answering_since = 0.0
        self._consumer: aiokafka.AIOKafkaConsumer | None = None

    def attach(self, consumer: aiokafka.AIOKafkaConsumer) -> None:
        """Begins to follow the client. Called when it has been started and has not subscribed yet."""
        self._consumer = consumer
        self._watch_heartbeats(consumer._coordinator)
        self._watch_refusals(consumer._coordinator)
        if self._instance:
            coordinator = consumer._coordinator
            static_member.keep_member_id(coordinator, self._instance, partial(self._refused, coordinator))
            static_member.ignore_unsubscribed(coordinator, consumer.subscription, self._found_unsubscribed)
        consumer._client.cluster.add_listener(self._on_metadata)

    @property
    def problem(self) -> str | None:
        """What keeps this worker out of its group, or None."""
        return self._watch.problem

    @property
    def expelled(self) -> bool:
        """Whether the group has told this member that it has gone on without it, and has not yet let it in
        again."""
        if self._consumer is None or not self.last_heartbeat:
            return False
        return bool(self._consumer._coordinator.generation == _NO_GENERATION)

    def absence(self) -> Absence | None:
        """Returns what the watchdog has to know if this worker is outside its group and no cause was said;
        otherwise None."""
        if self._watch.member or self._watch.problem:
            return None
        return Absence(self.last_heartbeat, self._metadata_at) if self._is_fresh() else None

    def silence(self) -> float:
        """Returns for how many seconds the group has not answered this worker, although brokers answer and no
        cause was said; otherwise 0.0."""
        if self._watch.problem or not self._is_fresh():
            return 0.0
        return monotonic() - max(self.last_heartbeat, self._answering_since)

    def _is_fresh(self) -> bool:
        return monotonic() - self._metadata_at <= self._metadata_is_fresh

    def assigned(self) -> None:
        """Called when the group has given this worker its partitions, if only none."""
        # The group has just heard of this member; the next heartbeat is an interval away.
        self.last_heartbeat = monotonic()
        self._watch.assigned()

    def revoked(self) -> None:
        """Called when this worker begins to give up its partitions."""
        self._watch.revoked()

    async def leave(self) -> bool:
        """Returns whether the coordinator has confirmed that this worker is no member any more. Called when
        the process is about to end: the client cannot be used after it. Raises KafkaError.

        A static member does not leave. Its restart has its place.
        """
        coordinator = None if self._consumer is None else self._consumer._coordinator
        if coordinator is None or coordinator.generation <= 0 or coordinator._group_instance_id is not None:
            return True
        # They would join again as soon as a heartbeat is refused.
        for task in (coordinator._coordination_task, coordinator._heartbeat_task):
            if task is not None:
                task.cancel()
        request = LeaveGroupRequest(coordinator.group_id, coordinator.member_id)
        answer = await coordinator._send_req(request)
        return for_code(answer.error_code) is NoError

    async def look(self) -> None:
        """Says once if no broker names a coordinator. Called every second, and returns at once, but for a
        static member's first look at the assignment."""
        if self._consumer is None or not self._consumer.subscription():
            return
        known = self._consumer._coordinator.coordinator_id is not None
        line = self._watch.look(monotonic(), known=known, metadata_at=self._metadata_at)
        if line:
            logger.error("%s; asking again until one does", line)
        if self._must_look_at_assignment and self._watch.member:
            await self._look_at_assignment(self._consumer)

    def _found_unsubscribed(self) -> None:
        self._has_unsubscribed = True

    async def _look_at_assignment(self, consumer: aiokafka.AIOKafkaConsumer) -> None:
        """Asks for a rebalance if a static member came back to an assignment for other topics."""
        unassigned = await static_member.has_unassigned(consumer._coordinator, consumer.subscription())
        self._must_look_at_assignment = unassigned is None
        if unassigned or (unassigned is False and self._has_unsubscribed):
            logger.info("the assignment is not for the topics of this worker: asking for a rebalance")
            consumer._coordinator.request_rejoin()

    def _watch_heartbeats(self, coordinator: Any) -> None:
        # aiokafka keeps the time of the last answered heartbeat in a local variable.
        beat = coordinator._do_heartbeat

        async def watched() -> bool:
            sent = monotonic()
            answered: bool = await beat()
            if answered:
                self.last_heartbeat = sent
                if self._watch.answered():
                    logger.info("this worker is in its group now")
            return answered

        coordinator._do_heartbeat = watched

    def _watch_refusals(self, coordinator: Any) -> None:
        coordinator._push_error_to_user = partial(self._refused, coordinator)
        coordinator._coordination_task.add_done_callback(partial(_coordination_ended, coordinator))

    async def _refused(self, coordinator: Any, problem: BaseException) -> None:
        """Ends the process, or returns when aiokafka is to join again. aiokafka's coordination awaits it."""
        if not coordinator._closing.done():
            step, line = self._watch.refused(problem)
            if step is not Step.WAIT:
                (die if step is Step.END else refuse)(line or "")
            if line:
                logger.error("%s; trying again every %g s", line, RETRY_SECONDS)
            # Only joining begins a heartbeat that was refused again, and the reading of offsets.
            coordinator.request_rejoin()
        await asyncio.wait([coordinator._closing], timeout=RETRY_SECONDS)

    def _on_metadata(self, _: Any) -> None:
        if not self._is_fresh() or not self._answering_since:
            self._answering_since = monotonic()
        self._metadata_at = monotonic()


def _coordination_ended(coordinator: Any, task: "asyncio.Task[None]") -> None:
    """Ends the process if aiokafka's coordination has failed by what is no answer of Kafka's."""
    problem = None if task.cancelled() else task.exception()
    if problem is not None and not coordinator._closing.done():
        die(f"the coordination of the group failed: {describe(problem.__cause__ or problem)}")
