"""A worker whose flush rounds wait for another time than that of `ProducerConfig`.

    python -m tests.tools.bench.lingering MILLISECONDS

The settings are environment variables, as those of `rollcall worker`.
"""

import dataclasses
import sys

import app.worker
from app.cli.main import main
from app.engine import ProducerConfig
from app.settings import Settings
from app.worker_options import producer_options
from tests.tools.replacing import replace


def linger(milliseconds: float) -> None:
    """Sets the linger of both producers of the worker that this process becomes."""

    def lingering(settings: Settings) -> ProducerConfig:
        return dataclasses.replace(producer_options(settings), linger_seconds=milliseconds / 1000)

    replace(app.worker, "producer_options", lingering)


if __name__ == "__main__":
    linger(float(sys.argv[1]))
    sys.argv = ["rollcall", "worker"]
    sys.exit(main())
