"""What the HTTP server grants to those who connect: a place, a time, and so many lines in the log.

aiohttp has no limit of connections, waits for a head for as long as it takes, and never gives up on a peer
that does not read its answer. So each of its protocols is wrapped into a `Connection`, which counts and ends
them. Nothing of aiohttp's insides is used for that.
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
# Who has a request to make sends its head at once.
HEAD_SECONDS: Final = 5.0
# From the complete head until the answer is with the peer. `resume` waits for a commit, and its command
# gives up after 15 s.
ANSWER_SECONDS: Final = 20.0
# A line and a header: a bearer token is the longest that anybody has a reason to send.
HEAD_LINE_BYTES: Final = 4096
# The rest of a minute's bad requests is told as a number.
LINES_A_MINUTE: Final = 5
_MINUTE: Final = 60.0

logger = logging.getLogger("app.http")


class _State(IntEnum):
    """In the order in which connections make room for a new one."""

    NO_HEAD = 0
    ANSWERED = 1
    """The peer only has to read."""
    ANSWERING = 2


class Connections:
    """The connections of one server. At most `most` are open: a new one always gets a place, the oldest
    without a complete head makes room for it; if all have one, the oldest that is answered already."""

    def __init__(self, most: int = MOST_CONNECTIONS) -> None:
        self._most = most
        self._open: dict[Connection, None] = {}  # oldest first

    def __len__(self) -> int:
        return len(self._open)

    def add(self, connection: "Connection") -> None:
        if len(self._open) >= self._most:
            # `min` gives the first, which is the oldest, of several.
            oldest = min(self._open, key=lambda each: each.state)
            logger.warning("a connection was closed to make room for a new one")
            oldest.abort()
        self._open[connection] = None

    def remove(self, connection: "Connection") -> None:
        self._open.pop(connection, None)

    def abort(self) -> None:
        """Ends all, whatever their peers do."""
        for connection in list(self._open):
            connection.abort()


class Connection(asyncio.Protocol):
    """Stands between a transport and aiohttp's protocol for it; ends what takes too long."""

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
        """The head is complete."""
        self.state = _State.ANSWERING
        self._limit(ANSWER_SECONDS, f"the answer was not taken within {ANSWER_SECONDS:g} s")

    def answered(self) -> None:
        """There is an answer, which the peer may or may not read."""
        self.state = _State.ANSWERED

    def abort(self) -> None:
        """Without waiting for the peer to take what is written, which `close` would do for ever."""
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
    """The connection that a request came on; None if it is gone."""
    transport = request.transport
    protocol = None if transport is None else transport.get_protocol()
    return protocol if isinstance(protocol, Connection) else None


class FewLines(logging.Filter):
    """Passes a few records a minute, and then says how many it has kept back.

    Of a malformed request nothing but its kind is told: it is no error of ours, and aiohttp's own text
    quotes it.
    """

    def __init__(self, most: int = LINES_A_MINUTE, seconds: float = _MINUTE) -> None:
        super().__init__()
        self._most = most
        self._seconds = seconds
        self._passed = 0
        self._kept_back: Counter[int] = Counter()
        self._timer: asyncio.TimerHandle | None = None

    def filter(self, record: logging.LogRecord) -> bool:
        _shorten(record)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self.tell)
        if self._passed < self._most:
            self._passed += 1
            return True
        self._kept_back[record.levelno] += 1
        return False

    def tell(self) -> None:
        """The end of a minute, or of the server."""
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
