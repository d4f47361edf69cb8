"""Ask a broker who is in its cluster: the smallest Kafka client there is.

An open port says nothing: a KRaft broker listens seconds before it serves, and a fenced one answers
without listing itself. The request is Metadata version 2 of the Kafka protocol guide.
"""

import socket
import struct

_METADATA, _VERSION, _CORRELATION = 3, 2, 1
_NO_CLIENT_ID = -1
_TIMEOUT_SECONDS = 5.0


def live_brokers(port: int, cluster_id: str) -> frozenset[int]:
    """Node ids of the brokers that the one at 127.0.0.1:`port` knows to serve.

    None if nobody answers there, or a broker of another cluster that took the port first.
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
    """Correlation id, the brokers (node id, host, port, rack), the cluster's id; the rest is not read."""
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
    """The string at a position, "" for null, and the position behind it."""
    (length,) = struct.unpack_from(">h", response, at)
    end = at + 2 + max(length, 0)
    return response[at + 2 : end].decode(), end
