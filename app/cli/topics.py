"""`rollcall topics`: shows, creates and checks the topics."""

import asyncio
import sys

from app.cli.failed import Failed
from app.settings import Settings
from app.topics import BrokerUnreachable, Found, TopicsError, check_topics, expected_topics, prepare_topics


def run_topics(settings: Settings, *, create: bool, check: bool) -> int:
    """One line a topic; with `check`, exit code 1 and the reason where one is missing or wrong."""
    try:
        found = asyncio.run(prepare_topics(settings, create=create))
        for topic in expected_topics(settings):
            sys.stdout.write(f"{topic.name}  {_state(found.get(topic.name))}\n")
        if check or create:
            check_topics(settings, found)
    except (BrokerUnreachable, TopicsError) as error:
        raise Failed(str(error)) from None
    return 0


def _state(found: Found | None) -> str:
    if found is None:
        return "missing"
    return f"partitions={found.partitions} cleanup.policy={found.cleanup}"
