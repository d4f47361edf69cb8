"""The server.properties of a node, and the ports that it listens on."""

import atexit
import random
import socket
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from app.embedded_kafka.failure import EmbeddedKafkaError

# Linux gives the ports from 32768 on to outgoing connections, macOS those from 49152 on. Below these no
# client can take the port of a node that is down and will be started again.
_FIRST_PORT, _LAST_PORT = 20_000, 32_000
_PORT_ATTEMPTS = 200


class Ports(NamedTuple):
    """The ports of a node on 127.0.0.1: one for clients and other brokers, one for the KRaft quorum."""

    broker: int
    controller: int


def free_ports(count: int) -> list[int]:
    """Returns `count` different ports of 127.0.0.1 that no process has. On Linux no other call returns one of
    them while this process keeps it, also none in another process: a server needs seconds to listen."""
    free: set[int] = set()
    for _ in range(_PORT_ATTEMPTS):
        if len(free) == count:
            break
        port = random.randint(_FIRST_PORT, _LAST_PORT)  # noqa: S311
        if _keep(port):
            free.add(port)
    else:
        raise EmbeddedKafkaError(f"found no {count} free ports on 127.0.0.1")
    return list(free)


# The sockets that keep the latest ports. A process may have a thousand open files.
_kept: Final[deque[socket.socket]] = deque()
_MOST_KEPT: Final = 200


def _keep(port: int) -> bool:
    """Returns whether no socket has the port, and keeps it then, if the system can do that.

    The socket that keeps it does not listen. Once it is bound it allows others on its port, so a server that
    sets SO_REUSEADDR can listen there: asyncio's and Java's do. Elsewhere than on Linux it could not.
    """
    keeper = socket.socket()
    try:
        keeper.bind(("127.0.0.1", port))
    except OSError:
        keeper.close()
        return False
    if sys.platform != "linux":
        keeper.close()
        return True
    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    _kept.append(keeper)
    while len(_kept) > _MOST_KEPT:
        _kept.popleft().close()
    return True


@atexit.register
def _keep_none() -> None:
    while _kept:
        _kept.pop().close()


def is_free(port: int) -> bool:
    """Returns whether a server can listen on this port of 127.0.0.1 now."""
    with socket.socket() as probe:
        # Java sets this option too: with it a connection of an earlier broker in the state TIME_WAIT does not
        # block the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


# With these settings tests are fast and may use records of any age. A broker in production has none of them.
_FRIENDLY: Mapping[str, object] = {
    "auto.create.topics.enable": "false",
    # Tests of members that died do not have to wait 6 s for the end of a session.
    "group.min.session.timeout.ms": 500,
    # Records of stories and fixtures have timestamps of years ago: retention would delete them at once.
    "log.retention.ms": -1,
}
# Kafka's own defaults, except for the interval of the retention check (5 minutes), so that a test can see
# what retention does.
_STOCK: Mapping[str, object] = {"log.retention.check.interval.ms": 1_000}


def server_properties(
    node: int, ports: Sequence[Ports], data: Path, extra: Mapping[str, str], *, stock: bool = False
) -> str:
    """Returns the text of the properties file of node number `node`.

    `extra`: settings that replace those of this module. `stock`: retention, creation of topics, session
    timeouts and timestamp bounds are as Kafka ships them.
    """
    replicas = min(len(ports), 3)
    in_sync = max(1, replicas - 1)
    own = ports[node]
    properties: dict[str, object] = {
        "process.roles": "broker,controller",
        "node.id": node,
        "controller.quorum.voters": ",".join(
            f"{number}@127.0.0.1:{peer.controller}" for number, peer in enumerate(ports)
        ),
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://127.0.0.1:{own.broker},CONTROLLER://127.0.0.1:{own.controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{own.broker}",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": data,
        "default.replication.factor": replicas,
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": replicas,
        "offsets.topic.num.partitions": 5,
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": in_sync,
        "transaction.state.log.num.partitions": 5,
        "share.coordinator.state.topic.replication.factor": replicas,
        "share.coordinator.state.topic.min.isr": in_sync,
        # With Kafka's default the first member of a group waits 3 s for others at every start. That takes
        # most of a test's time, and it hides no fault to leave it out.
        "group.initial.rebalance.delay.ms": 0,
        # The default buffer is a quarter of the heap.
        "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
        **(_STOCK if stock else _FRIENDLY),
        **extra,
    }
    return "".join(f"{name}={value}\n" for name, value in properties.items())
