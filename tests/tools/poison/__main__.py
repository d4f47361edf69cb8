"""`python -m tests.tools.poison`: gives two real workers poisoned records on all topics, among good ones, and
kills them at random times.

Each worker may have 1 GB of memory. The broker is an embedded one. The exit code is 0 if every record is
accounted for, no record ended a worker again and again, no loop was blocked for longer than a second, and
enough has happened to show it; 1 otherwise.
"""

import argparse
import signal
import sys
from pathlib import Path
from random import Random

from app.embedded_kafka import EmbeddedKafka, EmbeddedKafkaError
from tests.page import put
from tests.tools.faults.failed import CaseFailed
from tests.tools.faults.stage import Stage
from tests.tools.poison.broken_batches import data_of
from tests.tools.poison.campaign import VENDOR_TOPICS, Campaign
from tests.tools.poison.doses import Doses


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.tools.poison", description=__doc__)
    parser.add_argument(
        "--records", type=int, default=2_000, help="poisoned records, at least (default %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=1, help="of all random choices (default %(default)s)")
    parser.add_argument(
        "--without",
        nargs="*",
        default=[],
        metavar="KIND",
        help="kinds that are left out; patterns are allowed",
    )
    parser.add_argument("--page", type=Path, metavar="FILE", help="put the last line into this page, too")
    options = parser.parse_args()
    # Without it nobody would end the workers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    try:
        with (
            EmbeddedKafka() as kafka,
            Stage(kafka.bootstrap, name="poison", vendor_topics=VENDOR_TOPICS) as stage,
        ):
            doses = Doses(Random(options.seed), stage.settings, without=options.without)
            campaign = Campaign(
                stage,
                doses,
                data=data_of(kafka),
                records=options.records,
                seed=options.seed,
                say=_say,
            )
            figures = campaign.run()
    except (CaseFailed, EmbeddedKafkaError) as failed:
        print(f"RED: {failed}", file=sys.stderr)
        return 1
    print("\n".join(figures.lines()))
    if options.page:
        put(options.page, "poison", f"```text\n{figures.lines()[-1]}\n```")
    return 1 if figures.failures() else 0


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
