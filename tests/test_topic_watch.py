"""The look at the topics of a running worker: what counts, and what it says."""

import logging
from collections.abc import Mapping

import pytest

from app.errors import BrokerUnreachable
from app.metrics import Metrics
from app.settings import Settings
from app.topic_watch import TopicWatch
from app.topics import TopicDescription
from tests.test_topics import SETTINGS, USERS, topics_of, with_config


class Broker:
    """Answers with these topics; with None it does not answer."""

    def __init__(self) -> None:
        self.topics: Mapping[str, TopicDescription] | None = topics_of(SETTINGS)

    async def describe(self, _settings: Settings) -> Mapping[str, TopicDescription]:
        if self.topics is None:
            raise BrokerUnreachable("no broker answered")
        return self.topics


async def test_a_problem_is_said_once_when_it_comes_and_once_when_it_has_gone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    broker, metrics = Broker(), Metrics()
    watch = TopicWatch(SETTINGS, metrics, broker.describe)
    await watch.check()
    assert (watch.problems(), caplog.messages) == ([], [])
    broker.topics = with_config([USERS], cleanup_policy="delete")
    for _ in range(3):
        await watch.check()
    (problem,) = watch.problems()
    assert problem.startswith(f"topic {USERS} has cleanup.policy=delete, not compact")
    assert metrics.registry.get_sample_value("rollcall_topic_problems") == 1
    # Nobody knows whether that is still so.
    broker.topics = None
    await watch.check()
    await watch.check()
    assert watch.problems() == [problem]
    broker.topics = topics_of(SETTINGS)
    await watch.check()
    assert watch.problems() == []
    assert metrics.registry.get_sample_value("rollcall_topic_problems") == 0
    assert caplog.messages == [
        f"not ready: {problem}",
        "the topics cannot be checked: no broker answered",
        f"no longer: {problem}",
    ]


@pytest.mark.parametrize("partitions", [0, 6])
async def test_what_could_not_be_described_and_what_is_only_warned_of_are_no_problems(
    partitions: int,
) -> None:
    broker = Broker()
    watch = TopicWatch(SETTINGS, Metrics(), broker.describe)
    unknown = TopicDescription(partitions, "unknown", 0, problem="not authorized to describe it")
    vendor = SETTINGS.topic_of("fynd")
    broker.topics = with_config([vendor], cleanup_policy="compact") | {
        USERS: unknown,
        "users.events": unknown,
    }
    await watch.check()
    assert watch.problems() == []
    broker.topics = {name: each for name, each in topics_of(SETTINGS).items() if name not in (vendor, USERS)}
    await watch.check()
    (problem,) = watch.problems()
    assert problem.startswith(f"missing topics: {vendor}, {USERS}; ")
