"""Builds the Kafka Streams program with Maven, once for a state of its files, and says how it is started.

Main GUARANTEE SHAPE BROKER GROUP SOURCE EVENTS PARTITIONS
"""

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

from tests.tools.bench.peers.job import Job
from tests.tools.bench.peers.system import Command
from tests.tools.bench.processes import BenchFailed

_FOLDER: Final = Path(__file__).parent
_BUILT: Final = _FOLDER / "target" / ".built"
_LEAST_JAVA: Final = 17
_LOG_TAIL: Final = 2_000


@cache
def missing_for_streams() -> str:
    """Returns what is missing to build and run the program, or an empty text."""
    for tool in ("java", "javac", "mvn"):
        if shutil.which(tool) is None:
            return f"{tool} is not found: it needs a JDK {_LEAST_JAVA} and Maven"
    told = subprocess.run(["javac", "-version"], capture_output=True, text=True, check=False)
    version = java_version(told.stdout + told.stderr)
    return "" if version >= _LEAST_JAVA else f"it needs a JDK {_LEAST_JAVA}, and javac is {version}"


def java_version(told: str) -> int:
    """Returns the major version that `javac -version` tells; 0 if it tells none."""
    match = re.search(r"javac (?:1\.)?(\d+)", told)
    return int(match[1]) if match else 0


def streams_command(guarantee: str, job: Job) -> Command:
    """Returns how the program is started. Raises BenchFailed if it cannot be built."""
    _build()
    classes = f"{_FOLDER / 'target' / 'classes'}:{_FOLDER / 'target' / 'lib'}/*"
    # The process has one core.
    options = ["-Xmx1g", "-XX:+UseSerialGC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", classes]
    return Command(program="java", arguments=[*options, "rollcall.Main", guarantee, *job.arguments()])


def _build() -> None:
    sources = [_FOLDER / "pom.xml", *_FOLDER.glob("src/main/java/rollcall/*.java")]
    if _BUILT.exists() and _BUILT.stat().st_mtime >= max(each.stat().st_mtime for each in sources):
        return
    done = subprocess.run(
        ["mvn", "-q", "-B", "process-classes"], cwd=_FOLDER, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BenchFailed(f"mvn ended with {done.returncode}\n{done.stdout[-_LOG_TAIL:]}")
    _BUILT.touch()
