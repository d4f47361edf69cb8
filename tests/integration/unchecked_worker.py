"""A worker that starts on topics that its check would refuse: `python -m tests.integration.unchecked_worker`.

Such topics have limits so small that ordinary events, rows and dead letters exceed them.
"""

import sys

import app.cli.worker
from app.cli.main import main
from tests.tools.replacing import replace


def accept(*_: object) -> list[str]:
    """Replaces the check of the topics."""
    return []


if __name__ == "__main__":
    replace(app.cli.worker, "check_topics", accept)
    sys.exit(main(["worker"]))
