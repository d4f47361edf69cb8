"""Commits offsets, each with its note, for the generation in which their partitions were assigned."""

import asyncio
from time import monotonic

from aiokafka.errors import KafkaError

from app.engine.consumer.assignment import AssignmentState
from app.engine.consumer.client_thread import ClientThread
from app.engine.fatal import die
from app.engine.observer import EngineObserver
from app.engine.topic_rights import refused_read

_LAST_COMMIT_SECONDS = 2.0
"""How long the last commit of a process may take that ends because of its brokers."""


class Committer:
    """Commits what `AssignmentState` says is committable."""

    def __init__(self, state: AssignmentState, client: ClientThread, observer: EngineObserver) -> None:
        self._state = state
        self._client = client
        self._observer = observer
        self._lock = asyncio.Lock()

    async def commit(self) -> bool:
        """Returns whether anything was committed. Nothing is if there is nothing to commit, or if the group
        has gone on without this member.

        Commits everything that is committable. If another commit is under way, it waits for that one and then
        commits the rest; Faust's own code would do nothing.
        """
        async with self._lock:
            offsets = self._state.committable()
            if not offsets:
                return False
            notes = self._state.notes(offsets)
            began = monotonic()
            try:
                accepted = await self._client.commit_offsets(offsets, notes, self._state.generation)
            except KafkaError as problem:
                die(refused_read(problem) or f"commit failed: {type(problem).__name__}")
            if not accepted:
                self._observer.commit_refused(len(offsets))
                return False
            self._state.committed(offsets, notes)
            self._observer.committed(offsets, monotonic() - began)
            return True

    def commit_at_the_end(self) -> None:
        """Commits what is committable, because the process is about to end. It blocks for up to 2 s, and logs
        nothing if the brokers do not answer."""
        offsets = self._state.committable()
        if offsets:
            notes = self._state.notes(offsets)
            self._client.commit_at_the_end(offsets, notes, self._state.generation, _LAST_COMMIT_SECONDS)
