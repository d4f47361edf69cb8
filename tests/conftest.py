"""Fixtures for everyone: one real Kafka a test session, and names that no other test uses."""

import signal
import uuid
from collections.abc import Callable, Iterator

import pytest

from tests.broker import any_broker

# A shell that starts the tests in the background has them ignore SIGINT, and so would all that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def broker() -> Iterator[str]:
    """Bootstrap servers, for all tests of the session."""
    with any_broker() as servers:
        yield servers


@pytest.fixture
def unique() -> Callable[[str], str]:
    """`unique("users")` gives a topic, group or app id that no other test and no earlier run has used."""
    suffix = uuid.uuid4().hex[:12]
    return lambda name: f"{name}-{suffix}"
