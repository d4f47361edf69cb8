"""`rollcall repartition`: the canonical topic and both changelogs with another number of partitions."""

import argparse
import asyncio

from app.cli.arguments import add_json, natural, rate
from app.cli.results import check_code, tell
from app.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--partitions", required=True, type=_count, metavar="N", help="the new number")
    parser.add_argument(
        "--into",
        required=True,
        metavar="NAME",
        help="the new topics are NAME-events, NAME-users and NAME-loyalty",
    )
    way = parser.add_mutually_exclusive_group()
    way.add_argument(
        "--continue",
        dest="go_on",
        action="store_true",
        help="go on with topics that an earlier run has begun: copy only what came since",
    )
    way.add_argument("--check", action="store_true", help="write nothing: compare the rows")
    way.add_argument(
        "--move-group",
        default="",
        metavar="GROUP",
        help="after the switch: a consumer that has read the old canonical topic goes on with the new one",
    )
    parser.add_argument("--rate", type=rate, default=0.0, metavar="N", help="at most N events a second")
    add_json(parser)


def _count(text: str) -> int:
    count = natural(text)
    if not 1 <= count <= _MOST:
        raise argparse.ArgumentTypeError(f"expected a number from 1 to {_MOST}")
    return count


_MOST = 10_000


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Prints the result on standard output. Returns the exit code: 0, or 1 if `--check` finds a difference.

    Raises RollcallError if the work is refused, or could not be ended.
    """
    from app.tools.rebuilds.repartition_plan import RepartitionCheck, RepartitionPlan
    from app.tools.rebuilds.topic_repartition import TopicRepartition

    plan = RepartitionPlan(
        partitions=options.partitions,
        into=options.into,
        go_on=options.go_on,
        check=options.check,
        move_group=options.move_group,
        per_second=options.rate,
    )
    result = asyncio.run(TopicRepartition(settings, plan).run())
    tell(result, as_json=options.json)
    return check_code(is_equal=result.is_equal) if isinstance(result, RepartitionCheck) else 0
