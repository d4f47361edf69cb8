"""The server.properties of one node, and the ports it listens on."""

import random
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from app.embedded_kafka.errors import EmbeddedKafkaError

# Below the ports that Linux (32768+) and macOS (49152+) give to outgoing connections: a client cannot
# take a node's port while the node is down and will be started again.
_FIRST_PORT, _LAST_PORT = 20_000, 32_000
_PORT_ATTEMPTS = 200


class Ports(NamedTuple):
    """Where a node listens on 127.0.0.1: for clients and other brokers, and for the KRaft quorum."""

    broker: int
    controller: int


def free_ports(count: int) -> list[int]:
    """`count` different ports of 127.0.0.1 that nobody listens on now."""
    found: set[int] = set()
    for _ in range(_PORT_ATTEMPTS):
        if len(found) == count:
            break
        port = random.randint(_FIRST_PORT, _LAST_PORT)  # noqa: S311
        if is_free(port):
            found.add(port)
    else:
        raise EmbeddedKafkaError(f"found no {count} free ports on 127.0.0.1")
    return list(found)


def is_free(port: int) -> bool:
    """Whether a server may listen on this port of 127.0.0.1 now."""
    with socket.socket() as probe:
        # As Java does: connections of an earlier broker that linger in TIME_WAIT are no hindrance.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


# What makes tests short and lets them use records of any age. A broker of the field has none of it.
_FRIENDLY: Mapping[str, object] = {
    "auto.create.topics.enable": "false",
    # Tests of dead members need not wait 6 s for a session to end.
    "group.min.session.timeout.ms": 500,
    # Stories and fixtures carry record timestamps of years ago: retention would drop them at once.
    "log.retention.ms": -1,
}
# Kafka's own defaults but for the interval of the check (5 minutes), so that a test sees what retention does.
_STOCK: Mapping[str, object] = {"log.retention.check.interval.ms": 1_000}


def server_properties(
    node: int, ports: Sequence[Ports], data: Path, extra: Mapping[str, str], *, stock: bool = False
) -> str:
    """The text of the properties file of node number `node`; `extra` wins over what is set here.

    `stock`: retention, creation of topics, session timeouts and timestamp bounds as Kafka ships them.
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
        # Else the first member of a group waits 3 s for others at every start: of all defaults this one hides
        # no fault and costs most of the time.
        "group.initial.rebalance.delay.ms": 0,
        # The default buffer is a quarter of the heap.
        "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
        **(_STOCK if stock else _FRIENDLY),
        **extra,
    }
    return "".join(f"{name}={value}\n" for name, value in properties.items())
