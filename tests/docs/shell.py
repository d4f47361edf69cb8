"""Runs the shell blocks of a page as a reader does: in one shell and one folder, one after the other."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from tests.cli.command import environment
from tests.docs.pages import ROOT
from tests.waiting import GIVE_UP_SECONDS

_PROMPT: Final = "$ "
# This is printed after each command, with its exit code.
_MARK: Final = "--- end of a command: "
_END: Final = re.compile(rf"{re.escape(_MARK)}(\d+)\n")
_ASKS_FOR_THE_CODE: Final = "echo $?"
_ANYTHING: Final = "..."


class Command(NamedTuple):
    """A command of a block, with all its lines, and its output if the page shows it."""

    text: str
    output: str | None


class Ran(NamedTuple):
    output: str
    code: int | None
    """None if the command ended the shell."""


def commands_of(kind: str, text: str) -> list[Command]:
    """Returns the commands of a block. All other lines of a `console` block are output. A `sh` block is one
    command: a script that ends at its first failure. Raises ValueError if output has no command before it."""
    if kind == "sh":
        return [Command(f"set -e\n{text}", None)]
    found = list[Command]()
    continues = False
    for line in text.splitlines(keepends=True):
        if continues:
            found[-1] = Command(found[-1].text + line, "")
        elif line.startswith(_PROMPT):
            found.append(Command(line.removeprefix(_PROMPT), ""))
        elif found:
            found[-1] = Command(found[-1].text, (found[-1].output or "") + line)
            continue
        else:
            raise ValueError("expected `$ ` before the first command")
        continues = line.endswith("\\\n")
    return found


def run(commands: list[Command], folder: Path, ours: Mapping[str, str]) -> list[Ran]:
    """Returns the output and exit codes of the commands, which run in one shell. `ours`: variables of its
    environment, in addition to those that a reader has after `make install`."""
    script = "".join(f"{each.text}_code=$?; echo '{_MARK}'$_code; (exit $_code)\n" for each in commands)
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", script],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder,
        env=_environment(folder, ours),
        check=False,
        timeout=GIVE_UP_SECONDS,
    )
    parts = _END.split(done.stdout.decode())
    ended = [Ran(output, int(code)) for output, code in zip(parts[0::2], parts[1::2], strict=False)]
    return ended if len(ended) == len(commands) else [*ended, Ran(parts[-1], None)]


def _environment(folder: Path, ours: Mapping[str, str]) -> dict[str, str]:
    """Returns an environment as in a clone after `make install`. The folder `.venv/bin`, which has the
    programs, is also in PATH."""
    venv = folder / ".venv"
    if not venv.exists():
        venv.symlink_to(sys.prefix)
    path = f"{venv / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return environment({"PATH": path, "PYTHONPATH": str(ROOT), "COLUMNS": "110", **ours})


def complaints(commands: list[Command], ran: list[Ran]) -> list[str]:
    """Returns a text for each difference to the page. A command has to end with 0, unless the next command
    prints its exit code."""
    found = []
    followed = [each.text.strip() == _ASKS_FOR_THE_CODE for each in commands[1:]] + [False]
    # If a command ended the shell, the commands after it did not run.
    for command, (output, code), asked in zip(commands, ran, followed, strict=False):
        if code is None or (code and not asked):
            ending = "the shell ended" if code is None else f"exit code {code}"
            found.append(f"{ending}: {command.text.strip()}\n{output}")
        elif command.output is not None and not matches(command.output, output):
            found.append(f"printed by {command.text.strip()}\n{output}")
    return found


def matches(expected: str, printed: str) -> bool:
    """Returns whether the page shows what was printed. A line of three dots means any lines; blanks at the
    ends of lines are ignored."""
    pattern = "".join(
        r"(?:.*\n)*" if line.strip() == _ANYTHING else re.escape(line.rstrip()) + r"[ \t]*\n"
        for line in expected.splitlines()
    )
    whole = f"{printed}\n" if printed and not printed.endswith("\n") else printed
    return re.fullmatch(pattern, whole) is not None
