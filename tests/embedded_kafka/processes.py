"""Other processes, seen by their id."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def is_gone(pid: int) -> bool:
    """Whether no process has this id, not even as a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@contextmanager
def python(code: str, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """A Python process that runs `code`; killed at the end if it is still there."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def line(process: "subprocess.Popen[str]") -> str:
    """The next line of its standard output, "" if it has ended."""
    assert process.stdout is not None
    return process.stdout.readline().strip()
