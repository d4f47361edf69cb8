"""Run a command as a child that never outlives the process that asked for it. Started as a script.

    python guard.py PARENT_PID FOLDER COMMAND...

The first line on standard output is the child's pid; what the child says goes to standard error; the exit
code is the child's. When the parent is gone, killed or not, the child is killed and FOLDER removed,
and the folder around it if that is empty then.
Linux has PR_SET_PDEATHSIG for this, but it fires when the *thread* that started the child ends, and macOS
has nothing: so a small process that works the same on both.
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
    """Return when the parent is gone.

    Standard input is a pipe that it holds open, so its end shows at once; but a process that the parent
    has forked may hold a copy of the pipe, hence the look at our own parent's pid.
    """
    while os.getppid() == parent:
        readable, _, _ = select.select([0], [], [], _PARENT_CHECK_SECONDS)
        if readable and not os.read(0, 1):
            return


def _terminated(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(128 + signal.SIGTERM)


def main(arguments: list[str]) -> int:
    """Guard one command; see the module."""
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
