"""`make unit` leaves out exactly the tests that need a Kafka, or the programs of `make test-deploy`."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from app.embedded_kafka import EmbeddedKafka, EmbeddedKafkaError
from tests.deploy.repository import make

_CHOICE = re.compile(r"-m pytest -m '([^']*)'")
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
    shown = collected(test, "kafka")
    for fixture in KAFKAS:
        assert f"test_by_way_of_{fixture}" in shown.stdout
    assert "test_of_nothing" not in shown.stdout


def test_nothing_but_make_test_deploy_runs_the_tests_with_its_programs(tmp_path: Path) -> None:
    shown = make(tmp_path, "--dry-run", "unit", "test").stdout
    choices = _CHOICE.findall(shown)
    assert len(choices) >= 3
    assert [each for each in choices if "not deploy" not in each] == []
    deploy = make(tmp_path, "--dry-run", "--assume-old=build/deploy/.installed", "test-deploy")
    assert "-m pytest -m deploy " in deploy.stdout


def test_a_file_without_tests_on_a_kafka_is_not_even_imported(tmp_path: Path) -> None:
    test = tmp_path / "test_example.py"
    test.write_text("raise RuntimeError('imported')\n")
    for markers in ("kafka and not alone", "(kafka or thorough) and not alone"):
        assert "imported" not in collected(tmp_path, markers).stdout
    assert "imported" in collected(tmp_path, "not kafka").stdout


def test_a_file_whose_tests_on_a_kafka_would_not_be_found_is_refused(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("import pytest\n@pytest.fixture\ndef site(broker): return None\n")
    (tmp_path / "test_example.py").write_text("def test_of_a_site(site): pass\n")
    shown = collected(tmp_path, "not kafka")
    assert shown.returncode == pytest.ExitCode.USAGE_ERROR
    assert "`-m kafka` would not find the tests in test_example.py" in shown.stderr


def collected(tests: Path, markers: str) -> subprocess.CompletedProcess[str]:
    """Returns what pytest collects with `-m`."""
    command = [sys.executable, "-m", "pytest", "-q", "--collect-only", "-p", "tests.conftest", "-m", markers]
    command += ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT), str(tests)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
