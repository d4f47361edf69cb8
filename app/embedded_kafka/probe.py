"""Asks a broker which brokers of its cluster serve, with one request and no client.

An open port does not show that a broker serves: a KRaft broker listens seconds before that, and a fenced one
answers without listing itself. The request is Metadata version 2 of the Kafka protocol guide.

aiokafka 0.14.0 cannot replace this. Its `describe_cluster` asks a random broker of the cluster (with node 2
of three fenced, nodes 0 and 1 answered for it), so it does not tell what the broker at this port knows. What
its `AIOKafkaClient.bootstrap` learns is that broker's answer, but without the cluster's id, so a broker of
another cluster that took the port would count as ours.
"""

import socket
import struct

_METADATA, _VERSION, _CORRELATION = 3, 2, 1
_NO_CLIENT_ID = -1
_TIMEOUT_SECONDS = 5.0


def live_brokers(port: int, cluster_id: str) -> frozenset[int]:
    """Returns the node ids of the brokers that serve, as the broker at 127.0.0.1:`port` knows.

    They are none if no broker answers there, or if the one that answers is of another cluster.
    """
    request = struct.pack(">hhihi", _METADATA, _VERSION, _CORRELATION, _NO_CLIENT_ID, 0)
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT_SECONDS) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            (size,) = struct.unpack(">i", _read(connection, 4))
            answering, node_ids = _parse(_read(connection, size))
    except (OSError, struct.error):
        return frozenset()
    return node_ids if answering == cluster_id else frozenset()


def _read(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        chunk = connection.recv(size - len(data))
        if not chunk:
            raise OSError("the broker closed the connection")
        data += chunk
    return data


def _parse(response: bytes) -> tuple[str, frozenset[int]]:
    """Returns the cluster's id and the node ids.

    The response has the correlation id, the brokers (node id, host, port, rack) and the cluster's id. What
    comes after them is not read.
    """
    _, count = struct.unpack_from(">ii", response, 0)
    at, node_ids = 8, []
    for _ in range(count):
        (node_id,) = struct.unpack_from(">i", response, at)
        node_ids.append(node_id)
        _host, at = _text(response, at + 4)
        _rack, at = _text(response, at + 4)
    cluster_id, _ = _text(response, at)
    return cluster_id, frozenset(node_ids)


def _text(response: bytes, at: int) -> tuple[str, int]:
    """Returns the string at a position, "" for null, and the position after it."""
    (length,) = struct.unpack_from(">h", response, at)
    end = at + 2 + max(length, 0)
    return response[at + 2 : end].decode(), end
