"""Looks at the topics of a running worker again and again.

A topic that is deleted, gets more partitions or another cleanup policy stops no worker, and the next start
refuses it. So the worker is not ready as long as its topics are wrong (docs/operators.md#topics).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from app.errors import AccessRefused, BrokerUnreachable, InvalidSettings, TopicsError
from app.metrics import Metrics
from app.settings import Settings
from app.topic_admin import describe_topics
from app.topic_check import topic_problems
from app.topics import TopicDescription

CHECK_SECONDS: Final = 60.0

logger = logging.getLogger(__name__)

Describe = Callable[[Settings], Awaitable[Mapping[str, TopicDescription]]]


class TopicWatch:
    """What is wrong with a worker's topics, by the last check that could be made."""

    def __init__(self, settings: Settings, metrics: Metrics, describe: Describe = describe_topics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._describe = describe
        self._problems: list[str] = []
        self._checked = True

    def problems(self) -> list[str]:
        """Returns one line for each problem with which a worker would not start; empty if there is none."""
        return self._problems

    async def run(self) -> None:
        """Checks every CHECK_SECONDS until it is cancelled."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            await self.check()

    async def check(self) -> None:
        """Checks once. If the topics cannot be described, nothing is known and nothing changes."""
        try:
            topics = await self._describe(self._settings)
        except (AccessRefused, BrokerUnreachable, InvalidSettings, TopicsError) as error:
            if self._checked:
                logger.info("the topics cannot be checked: %s", error)
            self._checked = False
            return
        self._checked = True
        before, self._problems = self._problems, topic_problems(self._settings, topics)
        self._metrics.topic_problems.set(len(self._problems))
        for problem in self._problems:
            if problem not in before:
                logger.error("not ready: %s", problem)
        for problem in before:
            if problem not in self._problems:
                logger.warning("no longer: %s", problem)
