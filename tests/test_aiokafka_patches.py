"""No request of ours may create a topic, and aiokafka's metadata requests say so in every module."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Everything that aiokafka connects to a broker with.
CLIENTS = (
    "AIOKafkaAdminClient",
    "AIOKafkaClient",
    "AIOKafkaConsumer",
    "AIOKafkaProducer",
    "AIOKafkaConsumerThread",
)
WITH_CLIENTS = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in (ROOT / "app").rglob("*.py")
    if any(client in path.read_text("utf-8") for client in CLIENTS)
)
LOOK = """
import importlib
importlib.import_module({module!r})
from aiokafka.protocol import metadata
for version in (metadata.MetadataRequest_v4, metadata.MetadataRequest_v5):
    for asked in (metadata.MetadataRequest(["a"]), metadata.MetadataRequest(None, True)):
        assert asked.build(version).allow_auto_topic_creation is False
assert metadata.MetadataRequest(["a"]).build(metadata.MetadataRequest_v1).topics == ["a"]
"""


def test_there_are_modules_with_clients() -> None:
    assert {"app.topics", "app.lane.producer", "app.lane.reader", "app.lane.thread"} <= set(WITH_CLIENTS)


@pytest.mark.parametrize("module", WITH_CLIENTS)
def test_a_metadata_request_never_creates_a_topic(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOOK.format(module=module)],
        cwd=ROOT,
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stderr
