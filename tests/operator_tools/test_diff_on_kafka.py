"""`rollcall diff` on a range of a vendor's topic, whose records have headers and timestamps."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.command import run
from tests.kafka import ToSend, create_topics, produce
from tests.operator_tools.other_versions import make_repository
from tests.tools.bench.bodies import bodies

pytestmark = pytest.mark.traced

SEES_ALL = """
_convert = convert


def convert(vendor, record, partition, options):
    outcome = _convert(vendor, record, partition, options)
    for event in getattr(outcome, "events", ()):
        assert (event.tenant, event.origin) == ("acme", f"{partition}/{record.offset}")
        assert event.recordedtime.startswith("2030-")
        event.tenant = "other"
    return outcome
"""


def test_a_range_of_a_topic_is_compared(broker: str, unique: Callable[[str], str], tmp_path: Path) -> None:
    topic = unique("magine")
    create_topics(broker, {topic: 1}, message_timestamp_after_max_ms=str(2**63 - 1))
    produce(
        broker,
        topic,
        [ToSend(None, body, [("tenant", b"acme")], 1_900_000_000_000) for body in bodies("magine", 9)],
    )
    repository = make_repository(tmp_path / "git", SEES_ALL)
    kept = ("--repository", str(repository), "--cache", str(tmp_path / "cache"))
    ours = {"BROKER_URL": broker, "TOPIC_MAGINE": topic}
    done = run(
        "diff",
        "--vendor",
        "magine",
        "--against",
        "old",
        *kept,
        "--first",
        "2",
        "--end",
        "7",
        "--json",
        ours=ours,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout) == {
        "vendor": "magine",
        "against": "old",
        "records": 5,
        "different": 5,
        "same": {"emit": 5},
        "outcomes": [],
        "fields": [{"path": "tenant", "changed": 5, "added": 0, "removed": 0}],
    }
