"""A worker, `python -m app worker`, that calls a transaction long at once, and not after 60 s."""

import sys

from app.cli.main import main
from app.engine.consumer import open_transactions
from tests.tools.replacing import replace

if __name__ == "__main__":
    replace(open_transactions, "_LONG_SECONDS", 0.0)
    sys.exit(main(["worker"]))
