"""Processes that are forked by one that has imported everything are like those that are started anew."""

import os
import signal
from pathlib import Path

from tests.prefork import ForkedProcess, run_to_end, start_in_background


def environment(**more: str) -> dict[str, str]:
    """Returns that of a test without the tracer of coverage: then the process is forked."""
    return {name: value for name, value in os.environ.items() if name != "COVERAGE_PROCESS_CONFIG"} | more


def test_it_has_its_own_environment_arguments_files_and_exit_code(tmp_path: Path) -> None:
    done = run_to_end(["tests.echo", "a", "b"], environment(APP_ID="mine"), b"given")
    assert (done.returncode, done.stdout) == (7, b"mine ['a', 'b'] given\n")
    assert done.stderr == b"said\n"
    assert "APP_ID" not in os.environ


def test_a_signal_ends_it_and_is_its_exit_code(tmp_path: Path) -> None:
    said = tmp_path / "said"
    process = start_in_background(["app", "worker"], environment(BROKER_URL="127.0.0.1:9"), said)
    assert isinstance(process, ForkedProcess)
    assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    assert process.wait(60) == -signal.SIGKILL
    process.send_signal(signal.SIGKILL)


def test_one_that_needs_another_interpreter_is_started_anew(tmp_path: Path) -> None:
    process = start_in_background(
        ["app", "--version"], environment(PYTHONWARNINGS="error"), tmp_path / "said"
    )
    assert not isinstance(process, ForkedProcess)
    assert process.wait(60) == 0
