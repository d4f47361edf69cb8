"""The HTTP server of a real worker: incomplete requests take no files, no answers and no disk space from
it."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app.http_limits import MOST_CONNECTIONS
from tests.integration.worker import NOT_EXPELLED, Site, WorkerProcess
from tests.waiting import wait_until

FLOOD = 1_100
# Files that a worker opens and closes by itself while the test runs: its connections to brokers.
SLACK = 20


@pytest.fixture
def worker(broker: str, unique: Callable[[str], str], tmp_path: Path) -> Iterator[WorkerProcess]:
    with Site(broker, unique, tmp_path, **NOT_EXPELLED).worker() as worker:
        yield worker.wait_ready()


def files(worker: WorkerProcess) -> int:
    return sum(1 for _ in Path(f"/proc/{worker.pid}/fd").iterdir())


def connect(worker: WorkerProcess, sent: bytes) -> socket.socket:
    url = urlsplit(worker.url)
    peer = socket.create_connection((url.hostname or "", url.port or 0), timeout=30)
    # If this process stands still for some seconds, the worker has closed the connection by then.
    with suppress(ConnectionError):
        peer.sendall(sent)
    return peer


def test_half_sent_requests_take_no_files_and_silence_nobody(worker: WorkerProcess) -> None:
    before = files(worker)
    with ExitStack() as peers:
        for number in range(FLOOD):
            peers.enter_context(connect(worker, b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Half"))
            if number % 100 == 99:
                assert worker.get("/healthz")[0] == 200
        wait_until(lambda: files(worker) <= before + MOST_CONNECTIONS + SLACK, "the files are bounded")
        assert worker.get("/healthz")[0] == 200
        assert worker.get("/readyz")[0] == 200
        # All connections are still open on this side. After a while the worker closes the last ones too.
        wait_until(
            lambda: files(worker) <= before + SLACK, "the worker waits for no incomplete request any more"
        )
    worker.stop()
    assert len(worker.stderr()) < 20_000


def test_malformed_requests_do_not_fill_the_log(worker: WorkerProcess) -> None:
    before = len(worker.stderr())
    for number in range(FLOOD):
        peer = connect(worker, b"GET /s3nt1nel-%d HTTP/9.9\r\n\r\n" % number)
        with peer, suppress(ConnectionError):
            while peer.recv(65536):
                pass
    worker.stop()
    assert len(worker.stderr()) - before < 5_000
    assert "more lines like these were not logged" in worker.stderr()
    assert "s3nt1nel" not in worker.stderr()


def test_a_token_is_in_no_log(broker: str, unique: Callable[[str], str], tmp_path: Path) -> None:
    token = "s3cr3t-t0ken"
    with Site(broker, unique, tmp_path, HTTP_TOKEN=token, LOG_LEVEL="debug").worker() as worker:
        worker.wait_ready()
        with connect(
            worker,
            b"POST /vendors/magine/resume HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n"
            % token.encode(),
        ) as peer:
            assert peer.recv(65536).startswith(b"HTTP/1.1 409 ")
        assert token not in worker.get("/metrics")[1]
        worker.stop()
    assert token not in worker.stderr()
