"""Fixtures for everyone: one real Kafka a test session, and names that no other test uses."""

import gc
import os
import re
import signal
import sys
import threading
import uuid
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from app.embedded_kafka import properties
from tests.broker import any_broker, shared, stock_broker
from tests.secured_broker import SecuredBroker, parsed, secured_broker

# A shell that starts the tests in the background has them ignore SIGINT, and so would all that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# aiohttp loads the system's certificates when it is imported: a fifth of the time in which a worker imports
# all it needs. No test asks anybody for a certificate.
os.environ.setdefault("SSL_CERT_FILE", os.devnull)

# Hypothesis fails an example that takes longer than 0.2 s, and on a busy machine any may.
settings.register_profile("rollcall", deadline=None)
settings.load_profile("rollcall")

KAFKAS = frozenset({"broker", "stock", "each_broker", "secured"})
CHOSEN = ("kafka", "thorough")
"""The markers of tests whose files are found by their text: a marker, or an argument that is a Kafka."""
HAS_CHOSEN = re.compile(rf"\b({'|'.join(sorted(KAFKAS))})[:,)]|\bmark\.({'|'.join(CHOSEN)})\b")


def pytest_configure(config: pytest.Config) -> None:
    """With `-n`: each worker has ports of its own, so that none is taken between its choice and its use."""
    if worker := getattr(config, "workerinput", None):
        first, last = properties._FIRST_PORT, properties._LAST_PORT
        # A worker that crashes is replaced by one with a number of its own.
        count, number = int(worker["workercount"]), int(worker["workerid"].removeprefix("gw"))
        each = (last - first) // count
        properties._FIRST_PORT = first + each * (number % count)
        properties._LAST_PORT = properties._FIRST_PORT + each - 1


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """While tests are collected hardly anything is garbage, and to look for it takes nearly half the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With `-m 'kafka...'` or `-m '(kafka or thorough)...'`: files without such tests are not even imported.
    Each process of `-n` collects all tests for itself, which takes it seconds."""
    chosen = str(config.option.markexpr).lstrip("(").startswith(CHOSEN)
    if collection_path.suffix == ".py" and chosen:
        return HAS_CHOSEN.search(collection_path.read_text("utf-8")) is None or None
    return None


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that asks for a fixture that is a Kafka gets the marker `kafka`; it need not say so."""
    for item in items:
        if isinstance(item, pytest.Function) and KAFKAS & set(item.fixturenames):
            item.add_marker(pytest.mark.kafka)
    for marker, path in {(it, item.path) for item in items for it in CHOSEN if item.get_closest_marker(it)}:
        if not HAS_CHOSEN.search(path.read_text("utf-8")):
            raise pytest.UsageError(f"`-m {marker}` would not find the tests in {path.name}")


def pytest_collection_finish() -> None:
    """The thousands of tests that were collected stay to the end, so the garbage collector need not look at
    them each time: that is most of the time of a test that makes many objects."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """A test without the marker `kafka` finds no Kafka, nor do its fixtures and the processes that they
    start: the folder where the jars are looked for cannot be one. So `make unit` needs no Java.

    The processes that a test starts have no tracer of coverage, unless it says `traced`."""
    with pytest.MonkeyPatch.context() as environment:
        if item.get_closest_marker("kafka") is None:
            environment.setenv("JGO_CACHE_DIR", f"{os.devnull}/this-test-lacks-the-marker-kafka")
            environment.delenv("BROKER_URL", raising=False)
        if item.get_closest_marker("traced") is None:
            environment.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """A test with the marker `untraced` runs without the tracer of coverage, and so do its threads."""
    tracer, tracer_of_threads = sys.gettrace(), threading.gettrace()
    if item.get_closest_marker("untraced") is not None:
        sys.settrace(None)
        threading.settrace(None)
    try:
        return (yield)
    finally:
        sys.settrace(tracer)
        threading.settrace(tracer_of_threads)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """With `--reruns`: prints each failure that had a second try, so that none is hidden by its success."""
    for report in terminalreporter.getreports("rerun"):
        terminalreporter.section(f"failed at the first try: {report.nodeid}", sep="_")
        terminalreporter.line(report.longreprtext)
        for title, text in report.sections:
            terminalreporter.line(f"-- {title}\n{text}")


@pytest.fixture(scope="session")
def session_folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of this test session have, with `-n` and without, and no other session."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if hasattr(request.config, "workerinput") else own


@pytest.fixture(scope="session")
def broker(session_folder: Path) -> Iterator[str]:
    """Bootstrap servers, for all tests of the session."""
    with shared(session_folder / "broker", any_broker) as servers:
        yield servers


@pytest.fixture(scope="session")
def stock(session_folder: Path) -> Iterator[str]:
    """Bootstrap servers of a Kafka with the defaults that it ships with: retention, which is checked each
    second, automatic creation of topics, timestamp bounds. The friendly settings of `broker` hide these."""
    with shared(session_folder / "stock", stock_broker) as servers:
        yield servers


@pytest.fixture(scope="session")
def secured(session_folder: Path) -> Iterator[SecuredBroker]:
    """A Kafka with TLS, logins and access rules."""
    folder = session_folder / "secured"
    with shared(folder.with_suffix(".servers"), lambda: secured_broker(folder)) as described:
        yield parsed(described)


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
