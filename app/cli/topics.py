"""`rollcall topics`: shows, creates and checks the topics."""

import asyncio
import sys

from app.settings import Settings
from app.topic_admin import prepare_topics
from app.topic_check import check_topics
from app.topics import TopicDescription, expected_topics


def run_topics(settings: Settings, *, create: bool, check: bool) -> int:
    """Prints one line for each topic on standard output; if `check` or `create` is true, also one line for
    each warning on standard error. Returns the exit code, 0.

    Raises BrokerUnreachable, AccessRefused, and TopicsError if a worker could not start with these topics;
    then no warning is printed.
    """
    topics = asyncio.run(prepare_topics(settings, create=create))
    for topic in expected_topics(settings):
        sys.stdout.write(f"{topic.name}  {_state(topics.get(topic.name))}\n")
    if check or create:
        for warning in check_topics(settings, topics):
            sys.stderr.write(f"rollcall: warning: {warning}\n")
    return 0


def _state(described: TopicDescription | None) -> str:
    if described is None:
        return "missing"
    if described.problem and described.partitions == 0:
        return f"unknown: {described.problem}"
    return f"partitions={described.partitions} cleanup.policy={described.cleanup}"
