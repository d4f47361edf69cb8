"""`python -m tests.integration.unchecked_worker`: a worker that starts on topics that its check refuses.

For what only such a topic shows: limits so small that ordinary events, rows and dead letters are over them.
"""

import sys

import app.cli.worker
from app.cli.main import main


def accept(*_: object) -> list[str]:
    """In place of the check of the topics."""
    return []


if __name__ == "__main__":
    setattr(app.cli.worker, "check_topics", accept)  # noqa: B010 - mypy
    sys.exit(main(["worker"]))
