"""The command `rollcall` as a process, with no settings in its environment but those of a test."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from app.environment import variables
from tests.prefork import run_to_end

ROOT = Path(__file__).parents[2]


def environment(ours: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    known = {variable.name for variable in variables()}
    return {name: value for name, value in os.environ.items() if name not in known} | dict(ours)


def run(
    *arguments: str, stdin: bytes = b"", ours: Mapping[str, str] = MappingProxyType({})
) -> subprocess.CompletedProcess[bytes]:
    return run_to_end(["app", *arguments], environment(ours), stdin)


def start(*arguments: str) -> subprocess.Popen[bytes]:
    """Starts the command with pipes for all three streams. Use it as a context manager."""
    return subprocess.Popen(
        [sys.executable, "-m", "app", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env=environment(),
    )
