"""Other processes and their ids."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def is_gone(pid: int) -> bool:
    """Returns whether no process has this id, not even a zombie process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@contextmanager
def python(code: str, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """Gives a Python process that runs `code`. It is killed at the end if it still runs."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def line(process: "subprocess.Popen[str]") -> str:
    """Returns the next line of its standard output, or "" if it has ended."""
    assert process.stdout is not None
    return process.stdout.readline().strip()
