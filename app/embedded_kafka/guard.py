"""Runs a command as a child that never outlives the process that started it. It is started as a script.

    python guard.py PARENT_PID FOLDER COMMAND...

The first line on standard output is the child's pid. The child's own output goes to standard error, and the
exit code is the child's. When the parent has ended, also if it was killed, the guard kills the child and
removes FOLDER, and then the folder around it if that is empty.

Linux has PR_SET_PDEATHSIG for this, but its signal is sent when the *thread* that started the child ends, and
macOS has nothing of the kind. A small process works on both.
"""

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import FrameType

_PARENT_CHECK_SECONDS = 0.5


def _wait_for_end_of(parent: int) -> None:
    """Returns when the parent has ended.

    The parent holds the other end of standard input, which is a pipe, so the end of the pipe shows at once
    that the parent has ended. But a process that the parent has forked may hold a copy of it, so the pid of
    our own parent is checked too.
    """
    while os.getppid() == parent:
        readable, _, _ = select.select([0], [], [], _PARENT_CHECK_SECONDS)
        if readable and not os.read(0, 1):
            return


def _terminated(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(128 + signal.SIGTERM)


def main(arguments: list[str]) -> int:
    """Runs one command as the module's text says. Returns its exit code."""
    parent, folder, command = int(arguments[0]), Path(arguments[1]), arguments[2:]
    signal.signal(signal.SIGTERM, _terminated)
    orphaned = threading.Event()
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=2, stderr=2)  # noqa: S603

    def watch() -> None:
        _wait_for_end_of(parent)
        orphaned.set()
        child.kill()

    try:
        threading.Thread(target=watch, daemon=True).start()
        os.write(1, f"{child.pid}\n".encode())
        code = child.wait()
    finally:
        child.kill()
        child.wait()
        if orphaned.is_set():
            shutil.rmtree(folder, ignore_errors=True)
            with contextlib.suppress(OSError):
                folder.parent.rmdir()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
