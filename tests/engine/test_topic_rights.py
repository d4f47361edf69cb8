"""Which rights a broker's answer says that a client has, and the line about one that it lacks."""

from typing import Any

import pytest
from aiokafka.errors import IncompatibleBrokerVersion, KafkaConnectionError, TopicAuthorizationFailedError

from app.engine.topic_rights import _RightsRequest, refused_read, topic_rights

READ, WRITE, DESCRIBE = 1 << 3, 1 << 4, 1 << 8
UNKNOWN = -(1 << 31)


class Broker:
    """An admin client whose broker answers with these operations, or raises."""

    def __init__(self, allowed: dict[str, int] | None = None, problem: Exception | None = None) -> None:
        self._allowed = allowed or {}
        self._problem = problem

    async def _send_request(self, request: _RightsRequest) -> Any:
        if self._problem is not None:
            raise self._problem
        response = request.prepare({3: (0, 12)}).RESPONSE_TYPE
        topics: list[Any] = [(0, topic, False, [], self._allowed[topic]) for topic in request.topics]
        sent = response(0, [(0, "a", 1, None)], "id", 0, topics, UNKNOWN).encode()
        return response.decode(sent)


async def test_the_operations_are_bits_of_the_answer() -> None:
    broker = Broker(
        {
            "all": (1 << 12) - (1 << 3),
            "read": READ | DESCRIBE,
            "write": WRITE | DESCRIBE,
            "neither": DESCRIBE,
            "not told": UNKNOWN,
            "not known": 0,
        }
    )
    assert await topic_rights(broker, list(broker._allowed)) == {
        "all": {"READ", "WRITE"},
        "read": {"READ"},
        "write": {"WRITE"},
        "neither": set(),
    }


@pytest.mark.parametrize("problem", [IncompatibleBrokerVersion(), NotImplementedError()])
async def test_an_older_broker_tells_nothing(problem: Exception) -> None:
    assert await topic_rights(Broker(problem=problem), ["a"]) == {}


async def test_an_outage_is_no_answer() -> None:
    with pytest.raises(KafkaConnectionError):
        await topic_rights(Broker(problem=KafkaConnectionError()), ["a"])


def test_a_metadata_request_for_rights_creates_no_topic() -> None:
    assert not _RightsRequest(["a"]).prepare({3: (0, 12)}).allow_auto_topic_creation
    with pytest.raises(NotImplementedError):
        _RightsRequest(["a"]).prepare({3: (0, 7)})


def test_the_line_names_each_topic() -> None:
    assert refused_read(TopicAuthorizationFailedError("a")) == (
        "not authorized to read topic a: READ on it is missing"
    )
    assert refused_read(TopicAuthorizationFailedError({"b", "a"})) == (
        "not authorized to read topic a: READ on it is missing;"
        " not authorized to read topic b: READ on it is missing"
    )
    assert refused_read(TopicAuthorizationFailedError()) is None
    assert refused_read(KafkaConnectionError("a")) is None
