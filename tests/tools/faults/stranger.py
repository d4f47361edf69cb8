"""A plain consumer that has the workers' group id by mistake.

`python -m tests.tools.faults.stranger BROKER GROUP TOPIC...` writes a line when it has got partitions. It
commits nothing. Its only end is a kill: a client whose group refuses it can take minutes to close.
"""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from confluent_kafka import Consumer

_ROOT: Final = Path(__file__).parents[3]
_SESSION_MS: Final = 6_000


@contextmanager
def stranger(broker: str, group: str, topics: Sequence[str]) -> Iterator["subprocess.Popen[bytes]"]:
    """Runs a stranger while the block runs. It is a member of the group for 6 s more."""
    command = [sys.executable, "-m", "tests.tools.faults.stranger", broker, group, *topics]
    with subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for_partitions(process: "subprocess.Popen[bytes]") -> None:
    """Returns when the stranger has got partitions."""
    assert process.stdout is not None
    process.stdout.readline()


def _main(broker: str, group: str, *topics: str) -> None:
    consumer = Consumer(
        {
            "bootstrap.servers": broker,
            "group.id": group,
            "enable.auto.commit": False,
            "session.timeout.ms": _SESSION_MS,
            "log_level": 0,
        }
    )
    consumer.subscribe(list(topics), on_assign=lambda *_: print(flush=True))
    while True:
        consumer.poll(0.2)


if __name__ == "__main__":
    _main(*sys.argv[1:])
