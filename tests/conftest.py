"""Fixtures for everyone: one real Kafka a test session, and names that no other test uses."""

import os
import signal
import uuid
from collections.abc import Callable, Generator, Iterator

import pytest

from tests.broker import any_broker, stock_broker

# A shell that starts the tests in the background has them ignore SIGINT, and so would all that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

KAFKAS = frozenset({"broker", "stock", "each_broker"})


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that asks for a fixture that is a Kafka gets the marker `kafka`; it need not say so."""
    for item in items:
        if isinstance(item, pytest.Function) and KAFKAS & set(item.fixturenames):
            item.add_marker(pytest.mark.kafka)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """A test without the marker `kafka` finds no Kafka, nor do its fixtures and the processes that they
    start: the folder where the jars are looked for cannot be one. So `make unit` needs no Java."""
    with pytest.MonkeyPatch.context() as environment:
        if item.get_closest_marker("kafka") is None:
            environment.setenv("JGO_CACHE_DIR", f"{os.devnull}/this-test-lacks-the-marker-kafka")
            environment.delenv("BROKER_URL", raising=False)
        return (yield)


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
