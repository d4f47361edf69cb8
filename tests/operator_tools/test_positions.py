"""A coordinator that is loading is not taken for a group that has committed nothing.

Nobody can make a real coordinator load at a given moment, so here its answer is made.
"""

from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import CoordinatorLoadInProgressError

from app.engine import LogPartition
from app.settings import Settings
from app.tools import positions

LOADING = SimpleNamespace(topics=[], error_code=CoordinatorLoadInProgressError.errno)


class Loading(AIOKafkaAdminClient):  # type: ignore[misc]  # aiokafka has no types
    """Knows one topic, and the coordinator of every group, which is loading."""

    def __init__(self) -> None:
        """Connects to nothing."""

    async def describe_topics(self, topics: list[str]) -> list[dict[str, Any]]:
        return [{"error_code": 0, "partitions": [{"partition": 0, "leader": 1}]} for _ in topics]

    async def find_coordinator(self, group_id: str, coordinator_type: int = 0) -> int:
        return 1

    async def _send_request(self, request: object, node_id: int | None = None) -> object:
        return LOADING

    async def _send_request_to_node(self, node_id: int, request: object) -> object:
        return LOADING


async def test_a_coordinator_that_is_loading_is_no_group_without_commits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def asked(
        _settings: Settings, ask: Callable[[Any], Awaitable[object]], _what: str, _group: str
    ) -> object:
        return await ask(Loading())

    monkeypatch.setattr(positions, "ask_group", asked)
    with pytest.raises(CoordinatorLoadInProgressError):
        await positions.committed_of(Settings(), "group", [LogPartition("topic", 0)])
