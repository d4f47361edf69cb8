"""No broker outlives the process that started it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.embedded_kafka import guard
from tests.embedded_kafka.processes import is_gone, line, python
from tests.waiting import GIVE_UP_SECONDS, wait_until

# The thread that starts the broker ends at once. PR_SET_PDEATHSIG would end the broker with the thread.
_STARTS_KAFKA = """
import sys, tempfile, threading, time
tempfile.tempdir = sys.argv[1]
from app.embedded_kafka import EmbeddedKafka
kafka = EmbeddedKafka()
thread = threading.Thread(target=kafka.start)
thread.start()
thread.join()
print(kafka.pid(), flush=True)
time.sleep(600)
"""

# The forked copy keeps the write end of the guard's pipe open after the parent has ended.
_STARTS_GUARD = """
import os, subprocess, sys, time
guard, folder, fork = sys.argv[1:]
command = [sys.executable, "-I", guard, str(os.getpid()), folder, "sleep", "600"]
process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child = process.stdout.readline().decode().strip()
if fork == "fork":
    copy = os.fork()
    if copy == 0:
        time.sleep(600)
        os._exit(0)
    print(copy, flush=True)
print(child, flush=True)
time.sleep(600)
"""

_RUNS_THE_COMMAND = """
import sys, tempfile
tempfile.tempdir = sys.argv[1]
from app.cli.broker import run_broker
sys.exit(run_broker(None))
"""


@pytest.mark.kafka
def test_kafka_and_its_data_go_when_the_parent_is_killed(tmp_path: Path) -> None:
    with python(_STARTS_KAFKA, str(tmp_path)) as parent:
        pid = int(line(parent))
        assert not is_gone(pid)
        parent.send_signal(signal.SIGKILL)
        wait_until(lambda: is_gone(pid), "the broker's end")
        wait_until(lambda: not list(tmp_path.iterdir()), "the removal of its data")


@pytest.mark.parametrize("fork", ["alone", "fork"])
def test_a_guarded_command_goes_when_the_parent_is_killed(tmp_path: Path, fork: str) -> None:
    folder = tmp_path / "cluster" / "node"
    folder.mkdir(parents=True)
    with python(_STARTS_GUARD, guard.__file__, str(folder), fork) as parent:
        copy = int(line(parent)) if fork == "fork" else None
        try:
            pid = int(line(parent))
            parent.send_signal(signal.SIGKILL)
            wait_until(lambda: is_gone(pid), "the command's end")
            wait_until(lambda: not folder.parent.exists(), "the removal of its folder")
        finally:
            if copy is not None:
                os.kill(copy, signal.SIGKILL)


def test_a_guarded_command_goes_with_its_guard_and_keeps_its_folder(tmp_path: Path) -> None:
    command = [sys.executable, "-I", guard.__file__, str(os.getpid()), str(tmp_path), "sleep", "600"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        process.terminate()
        assert process.wait() == 128 + signal.SIGTERM
    assert is_gone(pid)
    assert tmp_path.exists()


@pytest.mark.kafka
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_the_command_prints_the_address_and_ends_cleanly(tmp_path: Path, end: signal.Signals) -> None:
    with python(_RUNS_THE_COMMAND, str(tmp_path)) as command:
        host, _, port = line(command).partition(":")
        assert host == "127.0.0.1"
        assert port.isdigit()
        command.send_signal(end)
        _, errors = command.communicate(timeout=GIVE_UP_SECONDS)
    assert command.returncode == 0
    assert "Traceback" not in errors
    assert list(tmp_path.iterdir()) == []
