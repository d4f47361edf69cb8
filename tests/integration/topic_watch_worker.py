"""A worker, `python -m app worker`, that looks at its topics twice a second in place of once a minute."""

import sys

from app import topic_watch
from app.cli.main import main

if __name__ == "__main__":
    topic_watch.CHECK_SECONDS = 0.5  # type: ignore[misc]
    sys.exit(main(["worker"]))
