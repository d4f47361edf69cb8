"""`python -m tests.faults.hooked worker`: the worker, changed on purpose before it starts.

The hooks are here and not in `app`: what is shipped has none. The environment says what to do:

- `FAULTS_POINT`, `FAULTS_FOLDER`: end (or stop) this process at that point of `points.py`, once it is
  armed by a file in the folder;
- `FAULTS_MUTANT`: take one of the lane's safeguards out, by its name in `mutations.py`;
- `FAULTS_SESSION`: seconds of the session timeout, less than the settings allow: a worker that is killed
  twenty times in a row need not be missed for 6 s each time.
"""

import os
import sys
from pathlib import Path
from typing import Any

import app.worker
from app.cli.main import main
from app.lane import LaneConfig
from app.settings import load
from tests.faults.mutations import MUTATIONS
from tests.faults.points import POINTS


def install() -> None:
    settings = load(os.environ)
    if point := os.environ.get("FAULTS_POINT"):
        POINTS[point].install(Path(os.environ["FAULTS_FOLDER"]), settings)
    if seconds := os.environ.get("FAULTS_SESSION"):
        _shorten_session(float(seconds))
    if mutant := os.environ.get("FAULTS_MUTANT"):
        MUTATIONS[mutant](settings)


def _shorten_session(seconds: float) -> None:
    def shorter(**options: Any) -> LaneConfig:
        return LaneConfig(**{**options, "session_timeout": seconds, "heartbeat_interval": seconds / 10})

    app.worker.LaneConfig = shorter  # type: ignore[attr-defined, assignment]


if __name__ == "__main__":
    install()
    sys.exit(main(sys.argv[1:]))
