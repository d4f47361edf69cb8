"""What a worker does before it ends with code 70 or 1, if its event loop still turns: it leaves its group, so
that nobody waits for the end of its session (docs/design.md#leaving).

`die` and `refuse` call it in the loop's thread, which does nothing else any more. So it only blocks, and each
step has an end. The next owner of the partitions may begin as soon as the group is left. So before that the
brokers must have handled everything that this process has sent.
"""

import logging
import select
import socket
import struct
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from time import monotonic
from typing import Final

import faust

from app.engine.app import consumer_of
from app.engine.tables.manager import SliceTableManager

_END_SECONDS: Final = 1.0
"""How long brokers may take to end the producers' connections. They need some milliseconds for what is in
flight."""

_LEAVE_SECONDS: Final = 2.0
"""How long the group's coordinator may take to answer."""

_RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER: on, for 0 s. What the system has not sent yet is thrown away when the socket is closed."""

logger = logging.getLogger(__name__)


def depart(app: faust.App) -> None:
    """Ends the producers' connections, and then leaves the group. It blocks for up to 3 s.

    The group is not left if a broker has not ended a connection in time: it may still append what it was
    sent.
    """
    manager = app.tables
    assert isinstance(manager, SliceTableManager), "SliceApp says so"
    sockets = [each for producer in manager.producers for each in producer.sockets()]
    if not end_connections(sockets, _END_SECONDS):
        logger.warning("the group is not left: a broker may still handle what this worker has sent")
    elif not consumer_of(app).leave_group(_LEAVE_SECONDS):
        logger.warning("the group is not left: its coordinator has not confirmed it")


def end_connections(sockets: Sequence[socket.socket], seconds: float) -> bool:
    """Returns whether the brokers have ended all connections within so many seconds. It closes the sockets.

    Nothing more is sent on them. A broker handles the requests of a connection one after the other, and sees
    our end of it behind the last of them. So when it ends the connection, too, it has handled all of them. A
    request of which it has only a part is none. A connection that it does not end in time is reset.
    """
    waiting = {each.fileno(): each for each in sockets}
    poll = select.poll()
    with ExitStack() as stack:
        for each in sockets:
            stack.enter_context(each)
            with suppress(OSError):  # the broker was faster
                each.shutdown(socket.SHUT_WR)
            poll.register(each, select.POLLIN)
        deadline = monotonic() + seconds
        while waiting and (left := deadline - monotonic()) > 0:
            for number, _ in poll.poll(left * 1000):
                if _is_ended(waiting[number]):
                    poll.unregister(number)
                    del waiting[number]
        for each in waiting.values():
            each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        return not waiting


def _is_ended(connection: socket.socket) -> bool:
    """Returns whether the other side has ended the connection. What it has sent before is thrown away."""
    try:
        return not connection.recv(1 << 16)
    except BlockingIOError:
        return False
    except OSError:
        return True
