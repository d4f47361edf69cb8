"""`python -m tests.tools.faults.hooked worker`: runs the worker, changed on purpose before it starts.

The hooks are here and not in `app`, so nothing that is shipped has them. The environment says what they do:

- `FAULTS_POINT`, `FAULTS_FOLDER`: this process ends (or stops) at that point of `points.py`, if a file in the
  folder arms the point.
- `FAULTS_MUTANT`: the engine runs without one of its safeguards, by its name in `mutations.py`.
- `FAULTS_POISON`: mapping a record kills this process, if the file `poison` in the folder names its position.
- `FAULTS_MORTAL`: SIGUSR1 ends this process with code 70, from its event loop.
- `FAULTS_TURNS`: this process notes in the folder for how long its callbacks keep its loop.
- `FAULTS_SESSION`: the session timeout in seconds. It may be less than the settings allow, because otherwise
  a worker that is killed twenty times in a row would cost 6 s each time.
"""

import os
import signal
import sys
from pathlib import Path

from msgspec import structs

import app.vendor_agent
import app.worker
from app.cli.main import main
from app.engine import ConsumerConfig, Record
from app.environment import load
from app.outcome import Outcome
from app.settings import Settings
from app.vendors import Options, Vendor, convert
from app.worker_options import consumer_options
from tests.tools.faults.mutations import MUTATIONS
from tests.tools.faults.pods import POISON, POISONED_EVERY
from tests.tools.faults.points import POINTS
from tests.tools.mortal import make_mortal
from tests.tools.poison.turns import measure_turns
from tests.tools.replacing import replace


def install() -> None:
    settings = load(os.environ)
    if point := os.environ.get("FAULTS_POINT"):
        POINTS[point].install(Path(os.environ["FAULTS_FOLDER"]), settings)
    if seconds := os.environ.get("FAULTS_SESSION"):
        _shorten_session(float(seconds))
    if os.environ.get("FAULTS_POISON"):
        _poison(Path(os.environ["FAULTS_FOLDER"]) / POISON)
    if os.environ.get("FAULTS_MORTAL"):
        make_mortal()
    if os.environ.get("FAULTS_TURNS"):
        measure_turns(Path(os.environ["FAULTS_FOLDER"]))
    if mutant := os.environ.get("FAULTS_MUTANT"):
        MUTATIONS[mutant](settings)


def _poison(file: Path) -> None:
    def poisoned(vendor: Vendor, record: Record, partition: str, options: Options) -> Outcome:
        # Most records are left alone without a look at the file.
        may_be = record.offset % POISONED_EVERY == 0 and file.exists()
        if may_be and file.read_text() == f"{partition}/{record.offset}":
            os.kill(os.getpid(), signal.SIGKILL)
        return convert(vendor, record, partition, options)

    replace(app.vendor_agent, "convert", poisoned)


def _shorten_session(seconds: float) -> None:
    def shorter(settings: Settings) -> ConsumerConfig:
        options = consumer_options(settings)
        return structs.replace(options, session_timeout=seconds, heartbeat_interval=seconds / 10)

    replace(app.worker, "consumer_options", shorter)


if __name__ == "__main__":
    install()
    sys.exit(main(sys.argv[1:]))
