"""A worker that starts on topics that its checks refuse: `python -m tests.integration.unchecked_worker`.

Such topics have limits so small that ordinary events, rows and dead letters exceed them, or rules that do not
let the worker in.
"""

import sys

import app.cli.worker
from app.cli.main import main
from tests.tools.replacing import replace


def accept(*_: object) -> list[str]:
    """Replaces the checks of the topics and of the rights."""
    return []


if __name__ == "__main__":
    replace(app.cli.worker, "check_topics", accept)
    replace(app.cli.worker, "check_rights", accept)
    sys.exit(main(["worker"]))
