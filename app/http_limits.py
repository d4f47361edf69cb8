"""The limits of the HTTP server: how many connections are open, how long each may take, and how many lines
they may cause in the log.

aiohttp has no limit of connections, waits for a request's head without any limit of time, and never gives up
on a peer that does not read its answer. So each of its protocols is wrapped into a `Connection`, which is
counted and ended. No private part of aiohttp is used for that.
"""

import asyncio
import logging
from collections import Counter
from enum import IntEnum
from typing import Final, cast

from aiohttp import web
from aiohttp.http import HttpProcessingError

# Probes, Prometheus and an operator need a handful at the same time.
MOST_CONNECTIONS: Final = 32
# A client sends the head of its request at once.
HEAD_SECONDS: Final = 5.0
# From the complete head until the peer has the answer. `resume` waits for a commit, and the command
# `rollcall resume` gives up after 15 s.
ANSWER_SECONDS: Final = 20.0
# For the request line and for each header. The longest that a client has a reason to send is a bearer token.
HEAD_LINE_BYTES: Final = 4096
# At the end of the minute one more line says how many were left out.
LINES_A_MINUTE: Final = 5
_MINUTE: Final = 60.0

logger = logging.getLogger("app.http")


class _State(IntEnum):
    """The lowest state is closed first to make room for a new connection."""

    NO_HEAD = 0
    ANSWERED = 1
    """The answer is written; the peer has to read it."""
    ANSWERING = 2


class Connections:
    """The connections of one server, at most `most`. A new one is always accepted. To make room for it the
    oldest one without a complete head is closed; if all have a complete head, the oldest one that is
    answered; else the oldest one."""

    def __init__(self, most: int = MOST_CONNECTIONS) -> None:
        self._most = most
        self._open: dict[Connection, None] = {}  # oldest first

    def __len__(self) -> int:
        return len(self._open)

    def add(self, connection: "Connection") -> None:
        """Accepts a connection, and closes another one if there are too many."""
        if len(self._open) >= self._most:
            # Of several connections in the lowest state `min` returns the first, which is the oldest.
            oldest = min(self._open, key=lambda each: each.state)
            logger.warning("a connection was closed to make room for a new one")
            oldest.abort()
        self._open[connection] = None

    def remove(self, connection: "Connection") -> None:
        self._open.pop(connection, None)

    def abort(self) -> None:
        """Ends all connections without waiting for their peers."""
        for connection in list(self._open):
            connection.abort()


class Connection(asyncio.Protocol):
    """A protocol between a transport and aiohttp's own protocol. It closes the connection if the peer takes
    too long."""

    def __init__(self, inner: asyncio.Protocol, connections: Connections) -> None:
        self.state = _State.NO_HEAD
        self._inner = inner
        self._connections = connections
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._connections.add(self)
        self._limit(HEAD_SECONDS, f"no complete head within {HEAD_SECONDS:g} s")
        self._inner.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        self._inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()

    def answering(self) -> None:
        """Starts the time limit of the answer. Called when the head of the request is complete."""
        self.state = _State.ANSWERING
        self._limit(ANSWER_SECONDS, f"the answer was not taken within {ANSWER_SECONDS:g} s")

    def answered(self) -> None:
        """Called when the answer is written; the peer may not have read it yet."""
        self.state = _State.ANSWERED

    def abort(self) -> None:
        """Closes the connection at once. `close` would wait without limit for the peer to read what is
        written."""
        self._forget()
        if self._transport is not None:
            self._transport.abort()

    def _limit(self, seconds: float, reason: str) -> None:
        self._stop_timer()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._too_late, reason)

    def _too_late(self, reason: str) -> None:
        logger.warning("a connection was closed: %s", reason)
        self.abort()

    def _forget(self) -> None:
        self._stop_timer()
        self._connections.remove(self)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def connection_of(request: web.Request) -> Connection | None:
    """Returns the connection of a request, or None if it is closed already."""
    transport = request.transport
    protocol = None if transport is None else transport.get_protocol()
    return protocol if isinstance(protocol, Connection) else None


class FewLines(logging.Filter):
    """Passes a few log records a minute; at the end of the minute one record says how many more there were.

    A malformed request is logged as a warning with the type of its error only, because it is no error of the
    worker, and because aiohttp's own text quotes the request.
    """

    def __init__(self, most: int = LINES_A_MINUTE, seconds: float = _MINUTE) -> None:
        super().__init__()
        self._most = most
        self._seconds = seconds
        self._passed = 0
        self._kept_back: Counter[int] = Counter()
        self._timer: asyncio.TimerHandle | None = None

    def filter(self, record: logging.LogRecord) -> bool:
        """Returns whether the record is logged."""
        _shorten(record)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self.report)
        if self._passed < self._most:
            self._passed += 1
            return True
        self._kept_back[record.levelno] += 1
        return False

    def report(self) -> None:
        """Logs how many records were left out. Called at the end of a minute, and when the server ends."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        kept_back, self._kept_back, self._passed = self._kept_back, Counter(), 0
        if kept_back:
            logger.log(max(kept_back), "%d more lines like these were not logged", kept_back.total())


def _shorten(record: logging.LogRecord) -> None:
    problem = record.exc_info[1] if record.exc_info else None
    if isinstance(problem, HttpProcessingError):
        record.levelno = min(record.levelno, logging.WARNING)
        record.levelname = logging.getLevelName(record.levelno)
        record.msg, record.args = "a malformed request was refused: %s", (type(problem).__name__,)
        record.exc_info = record.exc_text = None
