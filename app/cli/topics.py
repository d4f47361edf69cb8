"""`rollcall topics`: shows, creates and checks the topics."""

import asyncio
import sys
from collections.abc import Mapping
from typing import Any

import msgspec

from app.settings import Settings
from app.topic_admin import prepare_topics
from app.topic_check import check_topics, topic_problems
from app.topic_settings import TopicSetting, topic_settings
from app.topics import TopicDescription, expected_topics


def run_topics(
    settings: Settings, *, create: bool, check: bool, every: bool = False, as_json: bool = False
) -> int:
    """Prints one line for each topic on standard output, and below it one for each setting that is not as it
    should be, or for all of them if `every` is true. If `check` or `create` is true, also prints one line for
    each warning on standard error. Returns the exit code, 0.

    `as_json`: one line of JSON in place of the lines on standard output, with all settings. Raises
    BrokerUnreachable, AccessRefused, and TopicsError if a worker could not start with these topics; then no
    warning is printed.
    """
    topics = asyncio.run(prepare_topics(settings, create=create))
    shown = topic_settings(settings, topics)
    if as_json:
        sys.stdout.write(f"{msgspec.json.encode(_members(settings, topics, shown)).decode()}\n")
    else:
        for topic in expected_topics(settings):
            sys.stdout.write(f"{topic.name}  {_state(topics.get(topic.name))}\n")
            for each in shown.get(topic.name, ()):
                if every or each.why:
                    sys.stdout.write(f"  {each.line()}\n")
    if check or create:
        sys.stdout.flush()
        for warning in check_topics(settings, topics):
            sys.stderr.write(f"rollcall: warning: {warning}\n")
    return 0


def _members(
    settings: Settings, topics: Mapping[str, TopicDescription], shown: Mapping[str, list[TopicSetting]]
) -> dict[str, Any]:
    return {
        "topics": [
            {
                "name": topic.name,
                "role": topic.role,
                "exists": topic.name in topics,
                "problem": topics[topic.name].problem if topic.name in topics else "",
                "settings": shown.get(topic.name, []),
            }
            for topic in expected_topics(settings)
        ],
        "problems": topic_problems(settings, topics),
    }


def _state(described: TopicDescription | None) -> str:
    if described is None:
        return "missing"
    if described.problem and described.partitions == 0:
        return f"unknown: {described.problem}"
    return f"partitions={described.partitions} cleanup.policy={described.cleanup}"
