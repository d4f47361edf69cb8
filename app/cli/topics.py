"""`rollcall topics`: shows, creates and checks the topics."""

import asyncio
import sys

from app.cli.failed import Failed
from app.settings import Settings
from app.topic_rules import check_topics
from app.topics import BrokerUnreachable, Found, TopicsError, expected_topics, prepare_topics


def run_topics(settings: Settings, *, create: bool, check: bool) -> int:
    """0. One line a topic on standard output; with `check` or `create` also one line a warning on standard
    error. Raises Failed, one line, if then something keeps a worker from starting; nothing is warned of
    beside it."""
    try:
        found = asyncio.run(prepare_topics(settings, create=create))
        for topic in expected_topics(settings):
            sys.stdout.write(f"{topic.name}  {_state(found.get(topic.name))}\n")
        if check or create:
            for warning in check_topics(settings, found):
                sys.stderr.write(f"rollcall: warning: {warning}\n")
    except (BrokerUnreachable, TopicsError) as error:
        raise Failed(str(error)) from None
    return 0


def _state(found: Found | None) -> str:
    if found is None:
        return "missing"
    if found.problem and found.partitions == 0:
        return f"unknown: {found.problem}"
    return f"partitions={found.partitions} cleanup.policy={found.cleanup}"
