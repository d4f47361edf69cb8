"""`python -m tests.soak`: two real workers under constant load, the second half with `kill -9` in turn.

On the embedded broker, or the one that BROKER_URL names. The load is a share of what the workers can take
on this machine, which is measured first. Exit code 0 if nothing is lost, no row is wrong, everything is
committed, and every worker ended with 0 or by our kill; 1 otherwise. No time and no size is demanded.
The broker keeps everything until the account at the end: about 2.5 KB a record, 45 GB an hour at 5,000/s.
"""

import argparse
import sys
from pathlib import Path

from app.embedded_kafka import EmbeddedKafkaError
from tests.broker import any_broker
from tests.faults.failed import CaseFailed
from tests.faults.patience import Clock
from tests.faults.stage import Stage
from tests.page import put
from tests.soak.run import soak
from tests.soak.table import markdown, table

# After hours of load a worker that starts has a long changelog to read; how long it took is reported.
_GIVEN_UP_SECONDS = 1_800.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0, help="of constant load (default %(default)g)")
    parser.add_argument(
        "--share", type=float, default=0.7, help="of the capacity that is the load (default %(default)g)"
    )
    parser.add_argument("--page", type=Path, metavar="FILE", help="put the figures into this page, too")
    options = parser.parse_args()
    try:
        with any_broker() as broker, Stage(broker, name="soak") as stage:
            stage.patience = Clock(at_least=_GIVEN_UP_SECONDS)
            figures = soak(stage, minutes=options.minutes, share=options.share, say=_say)
    except (CaseFailed, EmbeddedKafkaError) as failed:
        _say(f"the soak failed: {failed}")
        return 1
    print(table(figures))
    if options.page:
        put(options.page, "soak", markdown(figures))
    return 1 if figures.failures() else 0


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
