"""`python -m tests.tools.soak`: runs two real workers under constant load, and in the second half kills one
after the other (`kill -9`).

It uses the broker that BROKER_URL names, or else an embedded one. The load is a share of the workers'
capacity on this machine, which is measured first. The exit code is 0 if nothing is lost, no row is wrong,
everything is committed, and every worker ended with 0 or by a kill of the soak; 1 otherwise. No time and no
size is demanded. The broker keeps everything until the account at the end: about 2.5 KB a record, or 45 GB an
hour at 5,000/s.
"""

import argparse
import sys
from pathlib import Path

from app.embedded_kafka import EmbeddedKafkaError
from tests.broker import any_broker
from tests.page import put
from tests.tools.faults.failed import CaseFailed
from tests.tools.faults.patience import Clock
from tests.tools.faults.stage import Stage
from tests.tools.soak.run import soak
from tests.tools.soak.table import markdown, summary, table

# After hours of load a worker that starts has long changelogs to read. The time that it needs is reported.
_GIVEN_UP_SECONDS = 1_800.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.tools.soak", description=__doc__)
    parser.add_argument(
        "--minutes", type=float, default=20.0, help="minutes of constant load (default %(default)g)"
    )
    parser.add_argument(
        "--share", type=float, default=0.7, help="the load as a share of the capacity (default %(default)g)"
    )
    parser.add_argument(
        "--static",
        action="store_true",
        help="the workers are static members of their group, so a kill waits for no session",
    )
    parser.add_argument("--page", type=Path, metavar="FILE", help="also write the figures into this page")
    options = parser.parse_args()
    try:
        with any_broker() as broker, Stage(broker, name="soak") as stage:
            stage.patience = Clock(at_least=_GIVEN_UP_SECONDS)
            figures = soak(
                stage, minutes=options.minutes, share=options.share, static=options.static, say=_say
            )
    except (CaseFailed, EmbeddedKafkaError) as failed:
        _say(f"the soak failed: {failed}")
        return 1
    print(table(figures))
    print(summary(figures))
    if options.page:
        put(options.page, "soak", markdown(figures))
    return 1 if figures.failures() else 0


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
