"""`make unit` leaves out exactly the tests that need a Kafka."""

import subprocess
import sys
from pathlib import Path

import pytest

from app.embedded_kafka import EmbeddedKafka, EmbeddedKafkaError

ROOT = Path(__file__).parents[1]
KAFKAS = ("broker", "stock", "each_broker")


def test_without_the_marker_a_test_finds_no_kafka() -> None:
    with pytest.raises(EmbeddedKafkaError, match="this-test-lacks-the-marker-kafka"):
        EmbeddedKafka().start()


def test_without_the_marker_a_process_of_a_test_finds_no_kafka() -> None:
    command = [sys.executable, "-m", "app", "broker"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "this-test-lacks-the-marker-kafka" in ended.stderr


def test_a_test_that_asks_for_a_kafka_has_the_marker(tmp_path: Path) -> None:
    test = tmp_path / "test_example.py"
    test.write_text(
        "import pytest\n"
        + "".join(
            "@pytest.fixture\n"
            f"def site_of_{fixture}({fixture}): return None\n"
            f"def test_by_way_of_{fixture}(site_of_{fixture}): pass\n"
            for fixture in KAFKAS
        )
        + "def test_of_nothing(): pass\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "--collect-only", "-p", "tests.conftest", "-m", "kafka"]
    command += ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT), str(test)]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    for fixture in KAFKAS:
        assert f"test_by_way_of_{fixture}" in shown.stdout
    assert "test_of_nothing" not in shown.stdout
