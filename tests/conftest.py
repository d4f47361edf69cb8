"""Fixtures for everyone: one real Kafka a test session, and names that no other test uses."""

import signal
import uuid
from collections.abc import Callable, Iterator

import pytest

from tests.broker import any_broker, stock_broker

# A shell that starts the tests in the background has them ignore SIGINT, and so would all that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def broker() -> Iterator[str]:
    """Bootstrap servers, for all tests of the session."""
    with any_broker() as servers:
        yield servers


@pytest.fixture(scope="session")
def stock() -> Iterator[str]:
    """Bootstrap servers of a Kafka with the defaults that it ships with: retention, which is checked each
    second, automatic creation of topics, timestamp bounds. The friendly settings of `broker` hide these."""
    with stock_broker() as servers:
        yield servers


@pytest.fixture(params=["broker", "stock"])
def each_broker(request: pytest.FixtureRequest) -> str:
    """For a test that has to pass on both."""
    servers: str = request.getfixturevalue(request.param)
    return servers


@pytest.fixture
def unique() -> Callable[[str], str]:
    """`unique("users")` gives a topic, group or app id that no other test and no earlier run has used."""
    suffix = uuid.uuid4().hex[:12]
    return lambda name: f"{name}-{suffix}"
