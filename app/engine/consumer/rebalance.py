"""What a worker does with its partitions in a rebalance, and in which order.

Before they are revoked: stop dispatching, wait for the slices in flight, commit (`quiesce`). After they are
assigned: restore their tables, and seek to the committed offsets. The gate opens after that
(docs/design.md#rebalance).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from aiokafka.errors import KafkaError

from app.engine.config import ConsumerConfig
from app.engine.consumer.assignment import AssignmentState
from app.engine.consumer.backstop import Backstop, Restore
from app.engine.consumer.client_thread import ClientThread
from app.engine.consumer.commit_note import CommitNote
from app.engine.consumer.coordinator_watch import can_go_away
from app.engine.fatal import die
from app.engine.observer import EngineObserver
from app.engine.slices import Partition

_RETRY_SECONDS = 0.2
"""The time between two attempts to read the committed offsets while a broker is away."""


class Rebalance:
    """The steps of the rebalances of one group member. `SliceConsumer` calls each when Faust asks for it."""

    def __init__(
        self,
        state: AssignmentState,
        client: ClientThread,
        backstop: Backstop,
        observer: EngineObserver,
        config: ConsumerConfig,
        *,
        stop_dispatch: Callable[[], None],
        commit: Callable[[], Awaitable[bool]],
    ) -> None:
        """`stop_dispatch` closes the gate and empties Faust's queues. `commit` commits everything that is
        committable."""
        self.idle = asyncio.Event()
        """Set while no slice is in flight."""
        self.idle.set()
        self._state = state
        self._client = client
        self._backstop = backstop
        self._observer = observer
        self._config = config
        self._stop_dispatch = stop_dispatch
        self._commit = commit
        self._quiesce_lock = asyncio.Lock()

    async def quiesce(self) -> None:
        """Stops dispatching, waits for the slices in flight, and commits them while this generation is valid.

        Faust's own code forgets the acknowledgements first and commits what is left (docs/design.md#quiesce).
        """
        async with self._quiesce_lock:
            self._stop_dispatch()
            expelled = self._client.membership.expelled
            limit = self._config.expelled_timeout if expelled else self._config.quiesce_timeout
            try:
                await asyncio.wait_for(self._drain(), limit)
            except TimeoutError:
                die(f"not drained within {limit:g} s: {self._state.in_flight} slices are in flight")

    async def _drain(self) -> None:
        await self.idle.wait()
        self._state.end_attempts()
        while self._state.committable() and await self._commit():
            pass

    async def restore(self, topic: str, numbers: Iterable[int], restore: Restore) -> None:
        """Restores the tables of partitions of the topic that feeds them, before the seek."""
        self._backstop.assigned(await self._start_offsets())
        await self._backstop.restore([(topic, number) for number in numbers], restore)

    async def seek(self) -> None:
        """Seeks every partition to its committed offset. The next rebalance cancels it."""
        self._state.begin_seek()
        found = await self._start_offsets()
        targets = positions = {partition: offset for partition, (offset, _) in found.items()}
        while targets:
            await self._client.seek_all(targets)
            targets = self._state.sought(targets)
            if targets:
                self._observer.rewound(len(targets))
        self._backstop.assigned(found)
        await self._backstop.sought(await self._client.with_records(positions))

    async def _start_offsets(self) -> dict[Partition, tuple[int, CommitNote]]:
        while True:
            try:
                return await self._client.start_offsets()
            except KafkaError as problem:
                if not can_go_away(problem):
                    raise
                await asyncio.sleep(_RETRY_SECONDS)
