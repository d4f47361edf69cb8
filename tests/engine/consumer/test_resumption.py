"""A pause that an operator asks for is certain when the call returns, or the call says that it is not."""

from collections.abc import Callable
from typing import cast

import pytest

from app.engine import NotCommitted
from app.engine.consumer.assignment import AssignmentState
from app.engine.consumer.client_thread import ClientThread
from app.engine.consumer.resumption import Resumption
from app.engine.slices import Partition

HERE: Partition = ("source", 0)
THERE: Partition = ("source", 1)


class Group:
    """A worker with two partitions, and its group."""

    def __init__(self, commit: Callable[["Group"], bool] | None = None) -> None:
        """`commit` replaces the commit."""
        self._commit = commit
        self.state = AssignmentState()
        self.state.begin_seek()
        self.state.sought({HERE: 0, THERE: 0})
        self.state.open()
        self.looks = 0
        self.resumption = Resumption(
            self.state,
            cast(ClientThread, None),  # a pause asks the client nothing
            commit=self.commit,
            look_for_room=self.look,
        )

    def look(self) -> None:
        self.looks += 1

    async def commit(self) -> bool:
        if self._commit is not None:
            return self._commit(self)
        offsets = self.state.committable()
        if not offsets:
            return False
        self.state.committed(offsets, self.state.notes(offsets))
        return True


async def test_a_pause_is_committed_when_it_is_told() -> None:
    group = Group()
    assert await group.resumption.pause("source", "why") == 2
    assert group.resumption.paused() == {HERE: "why", THERE: "why"}
    assert group.state.committable() == {}
    assert group.looks == 1
    # Nothing is left to commit.
    assert await group.resumption.pause("source", "another") == 2
    assert group.resumption.paused() == {HERE: "why", THERE: "why"}
    assert await group.resumption.pause("elsewhere", "why") == 0


async def test_a_pause_that_the_group_refuses_is_not_told() -> None:
    group = Group(lambda _: False)
    with pytest.raises(NotCommitted):
        await group.resumption.pause("source", "why")


async def test_a_pause_of_partitions_that_are_taken_away_meanwhile_is_not_told() -> None:
    def revoke(group: Group) -> bool:
        group.state.close()
        group.state.forget([THERE])
        return True

    with pytest.raises(NotCommitted):
        await Group(revoke).resumption.pause("source", "why")


async def test_nothing_is_paused_during_a_rebalance() -> None:
    group = Group()
    group.state.close()
    with pytest.raises(NotCommitted):
        await group.resumption.pause("source", "why")
    assert (group.resumption.paused(), group.looks) == ({}, 0)
