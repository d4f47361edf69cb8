"""A Kafka of one or three nodes, which tests can start, stop, kill and pause."""

import base64
import os
import shutil
import signal
import tempfile
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from app.embedded_kafka.failure import EmbeddedKafkaError
from app.embedded_kafka.jars import Runtime, TellProgress, fetch_kafka
from app.embedded_kafka.node import Node
from app.embedded_kafka.probe import live_brokers
from app.embedded_kafka.properties import Ports, free_ports, is_free, server_properties

_POLL_SECONDS = 0.1
# A clean stop takes half a second. The last of three nodes cannot stop cleanly, because the quorum is lost.
_STOP_SECONDS = 5.0
_KILL_SECONDS = 10.0
# Another process may take a free port before the node uses it.
_ATTEMPTS = 3


def new_cluster_id() -> str:
    """Returns a random id in the form of Kafka's own. It never begins with `-`, because Kafka's tools would
    take it for an option."""
    while (text := base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()).startswith("-"):
        pass
    return text


class EmbeddedKafka:
    """A real Kafka on 127.0.0.1: a context manager, or `start()` and `stop()`.

    It ends when the process that started it ends, also if that is killed. Every method blocks until it is
    done, and may be called from any thread, but one call at a time. Every failure is an EmbeddedKafkaError.
    Nodes are numbered from 0, as Kafka's node ids are, so the id of a partition's leader is the number of the
    node to kill. With three nodes a topic has three replicas, and two of them must be in sync.
    """

    def __init__(
        self,
        nodes: int = 1,
        *,
        port: int | None = None,
        stock: bool = False,
        extra: Mapping[str, str] | None = None,
        progress: TellProgress | None = None,
        start_timeout: float = 240.0,
    ) -> None:
        """Nothing is started before `start()`.

        `port`: the port of node 0; the other nodes, and node 0 without it, take free ones. `stock`:
        retention, automatic creation of topics, session timeouts and timestamp bounds are as Kafka ships
        them; if it is false, they are such that tests are fast and may use records of any age. `extra`:
        broker settings that replace ours. `progress` is called with lines for a person while jars are fetched
        and nodes start. `start_timeout`: seconds that a start may take, without the fetching of jars.
        """
        self._count = nodes
        self._port = port
        self._stock = stock
        self._extra = dict(extra or {})
        self._say = progress or (lambda _line: None)
        self._start_timeout = start_timeout
        self._folder: Path | None = None
        self._nodes: list[Node] = []
        self._cluster_id = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def bootstrap(self) -> str:
        """The bootstrap servers for clients: `127.0.0.1:PORT`, separated by commas if there are several."""
        if not self._nodes:
            raise EmbeddedKafkaError("the embedded Kafka is not started")
        return ",".join(f"127.0.0.1:{node.ports.broker}" for node in self._nodes)

    def start(self) -> None:
        """Starts all nodes, and waits until each of them knows all others."""
        if self._nodes:
            raise EmbeddedKafkaError("the embedded Kafka is started already")
        if self._port is not None and not is_free(self._port):
            raise EmbeddedKafkaError(f"port {self._port} of 127.0.0.1 is taken")
        runtime = fetch_kafka(self._say)
        self._say("Kafka: starting")
        for attempt in range(1, _ATTEMPTS + 1):
            ports = self._choose_ports()
            try:
                self._start(runtime, ports)
                break
            except OSError as error:
                self._discard()
                raise EmbeddedKafkaError(f"the embedded Kafka cannot be run: {error}") from error
            except EmbeddedKafkaError:
                self._discard()
                lost = self._port is None and not all(is_free(port) for pair in ports for port in pair)
                if not lost or attempt == _ATTEMPTS:
                    raise
            except BaseException:
                self._discard()
                raise
        self._say(f"Kafka: serving at {self.bootstrap}")

    def stop(self) -> None:
        """Stops all nodes cleanly, kills those that do not end, and removes their data. It may be called
        again."""
        for node in self._nodes:
            # A paused process does not handle SIGTERM, so it is resumed first. One that has ended is no
            # error.
            with suppress(EmbeddedKafkaError, ProcessLookupError):
                node.signal(signal.SIGCONT)
                node.signal(signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS
        for node in self._nodes:
            node.wait_gone(max(0.0, deadline - time.monotonic()))
        self._discard()

    def kill(self, node: int = 0) -> None:
        """Kills a node (SIGKILL). Its data stays as the operating system has it."""
        self._nodes[node].signal(signal.SIGKILL)
        self._await_gone(self._nodes[node], _KILL_SECONDS)

    def stop_node(self, node: int = 0) -> None:
        """Stops a node (SIGTERM): it hands over its partitions and ends. Fails if that takes over 60 s."""
        self._nodes[node].signal(signal.SIGTERM)
        self._await_gone(self._nodes[node], 60.0)

    def start_node(self, node: int = 0) -> None:
        """Starts a node that does not run, on its old port and with its old data, and waits until it
        serves."""
        self._nodes[node].launch()
        self._await(self._nodes[node], frozenset({node}))

    def pause(self, node: int = 0) -> None:
        """Pauses a node (SIGSTOP): its connections stay open, but it answers nothing."""
        self._nodes[node].signal(signal.SIGSTOP)

    def resume(self, node: int = 0) -> None:
        """Ends the pause of a node (SIGCONT)."""
        self._nodes[node].signal(signal.SIGCONT)

    def pid(self, node: int = 0) -> int:
        """Returns the process id of a node's JVM. Raises EmbeddedKafkaError if the node does not run."""
        return self._nodes[node].pid

    def _choose_ports(self) -> list[Ports]:
        free = free_ports(2 * self._count)
        ports = [Ports(*free[at : at + 2]) for at in range(0, len(free), 2)]
        if self._port is not None:
            ports[0] = Ports(self._port, ports[0].controller)
        return ports

    def _start(self, runtime: Runtime, ports: list[Ports]) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="rollcall-kafka-"))
        self._nodes = [
            Node(number, runtime, self._folder / f"node-{number}", own) for number, own in enumerate(ports)
        ]
        self._format(ports)
        for node in self._nodes:
            node.launch()
        for node in self._nodes:
            self._await(node, frozenset(range(self._count)))

    def _format(self, ports: list[Ports]) -> None:
        self._cluster_id = new_cluster_id()
        with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
            futures = [
                pool.submit(
                    node.format,
                    self._cluster_id,
                    server_properties(
                        node.number, ports, node.folder / "data", self._extra, stock=self._stock
                    ),
                )
                for node in self._nodes
            ]
            for future in futures:
                future.result()

    def _await(self, node: Node, members: frozenset[int]) -> None:
        """Waits until the node answers and reports that all `members` serve."""
        deadline = time.monotonic() + self._start_timeout
        while not members <= live_brokers(node.ports.broker, self._cluster_id):
            if not node.running:
                raise EmbeddedKafkaError(
                    f"node {node.number} of the embedded Kafka ended while starting", node.log
                )
            if time.monotonic() > deadline:
                message = (
                    f"node {node.number} of the embedded Kafka did not serve within {self._start_timeout:g} s"
                )
                raise EmbeddedKafkaError(message, node.log)
            time.sleep(_POLL_SECONDS)

    def _await_gone(self, node: Node, seconds: float) -> None:
        if not node.wait_gone(seconds):
            raise EmbeddedKafkaError(f"node {node.number} did not end within {seconds:g} s", node.log)

    def _discard(self) -> None:
        """Kills the nodes that still run, and removes the data."""
        for node in self._nodes:
            with suppress(EmbeddedKafkaError, ProcessLookupError):
                node.signal(signal.SIGKILL)
            node.wait_gone(_KILL_SECONDS)
        self._nodes = []
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
