"""Publishes bodies of all vendors, in a thread, until it is told to stop."""

import threading
import time
from types import TracebackType
from typing import Final, Self

from confluent_kafka import Producer

from app.vendors import VENDORS
from tests.integration.worker import Site
from tests.kafka import committed_of
from tests.tools.bench.bodies import bodies
from tests.waiting import GIVE_UP_SECONDS

USERS: Final = 3_000
_BATCH: Final = 10
"""Bodies of each vendor between two checks whether it has to stop."""
_RATE: Final = 1_000
"""The most bodies a second. Offsets are committed twice a second, so hundreds of records are on their way at
any moment. A body costs a test more than a worker, because the test also makes it and reads its events."""
_AHEAD: Final = 4_000
"""The most bodies that are published and not yet committed. Without this limit the tests would spend most of
their time with what is left at the end, if the machine is busy."""
_LOOK_EVERY: Final = 1_000


class Feeder(threading.Thread):
    """A thread that publishes. All bodies differ, so every event has another id. The end of its context waits
    until everything is acknowledged, and raises the errors of the thread."""

    def __init__(self, site: Site) -> None:
        super().__init__(name="feeder", daemon=True)
        self.published = 0
        self._site = site
        self._enough = threading.Event()
        self._problem: BaseException | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._enough.set()
        self.join(GIVE_UP_SECONDS)
        assert not self.is_alive()
        if self._problem is not None:
            raise self._problem

    def run(self) -> None:
        try:
            self._run()
        except BaseException as problem:  # noqa: BLE001 - raised again by the test's own thread
            self._problem = problem

    def _is_ahead(self) -> bool:
        settings = self._site.settings
        topics = [settings.topic_of(vendor) for vendor in VENDORS]
        commits = committed_of(self._site.broker, settings.app_id, topics)
        done = sum(sum(each.values()) for each in commits.values())
        return self.published - done > _AHEAD

    def _run(self) -> None:
        producer = Producer({"bootstrap.servers": self._site.broker, "linger.ms": 20})
        refused: list[object] = []

        def delivered(error: object, _: object) -> None:
            if error is not None:
                refused.append(error)

        number = 0
        began = time.monotonic()
        while not self._enough.is_set():
            for vendor in VENDORS:
                topic = self._site.settings.topic_of(vendor)
                for body in bodies(vendor, _BATCH, users=USERS, first=number):
                    producer.produce(topic, body, on_delivery=delivered)
            number += _BATCH
            self.published = number * len(VENDORS)
            producer.poll(0)
            while self.published % _LOOK_EVERY == 0 and not self._enough.is_set() and self._is_ahead():
                producer.poll(0.1)
            # This keeps the rate, and waits for no condition.
            self._enough.wait(max(self.published / _RATE - (time.monotonic() - began), 0))
        assert producer.flush(GIVE_UP_SECONDS) == 0
        assert not refused, f"{len(refused)} records refused"
