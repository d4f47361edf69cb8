"""Load: a thread that publishes bodies of all vendors until it is told to stop."""

import threading
import time
from types import TracebackType
from typing import Final, Self

from confluent_kafka import Producer

from app.vendors import VENDORS
from tests.bench.bodies import bodies
from tests.integration.worker import Site
from tests.kafka import committed
from tests.waiting import GIVE_UP_SECONDS

USERS: Final = 3_000
_BATCH: Final = 50
"""Bodies of each vendor between two looks at whether it is enough."""
_RATE: Final = 2_500
"""Bodies a second at most: below what workers and broker can do together on two cores."""
_AHEAD: Final = 8_000
"""Not more than so many bodies are published that no worker has committed: on a busy machine the tests
would do nothing else than work off what is left in the end."""
_LOOK_EVERY: Final = 2_000


class Feeder(threading.Thread):
    """Every body is another one, so every event has an id of its own. Ends with its context, when
    everything is acknowledged; an error of it is one of the test."""

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
        done = sum(sum(committed(self._site.broker, settings.app_id, topic).values()) for topic in topics)
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
            # A pace, not a wait for anything.
            self._enough.wait(max(self.published / _RATE - (time.monotonic() - began), 0))
        assert producer.flush(GIVE_UP_SECONDS) == 0
        assert not refused, f"{len(refused)} records refused"
