"""The load of a case: records of all vendors, some of them bad."""

import itertools
import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import KafkaError, Message, Producer

from app.settings import Settings
from app.vendors import VENDORS
from tests.tools.bench.bodies import maker_of, user_of
from tests.tools.faults.failed import CaseFailed

# Of so many records of a vendor one is bad in this way: about 6 % in all.
_NOT_JSON, _NO_NAME, _NULL = 29, 43, 97
_TICK_SECONDS = 0.05
Headers = list[tuple[str, str | bytes | None]]
# This is longer than any outage of a case. The producer waits, keeps the order and repeats nothing.
_PATIENCE_SECONDS = 300.0


class Load:
    """Publishes numbered records, each different from all others, so that a repeat is seen.

    `users` is the number of users of each vendor. If it is a multiple of 10, no deleted user of Magine who
    comes back has a partial event, which is the exception of docs/tables.md#order.
    """

    def __init__(self, broker: str, settings: Settings, *, users: int) -> None:
        self.published = 0
        self._topics = {name: settings.topic_of(name) for name in VENDORS}
        self._users = users
        self._numbers = itertools.count()
        self._refused = 0
        self._lock = threading.Lock()
        self._broker = broker
        self._producer = Producer(
            {
                "bootstrap.servers": broker,
                "enable.idempotence": True,
                "partitioner": "murmur2_random",
                "linger.ms": 5,
                "log_level": 0,
                "message.timeout.ms": round(_PATIENCE_SECONDS * 1000),
            }
        )

    def publish(self, count: int) -> None:
        """Publishes the next `count` records, of each vendor in turn. Any thread may call it."""
        with self._lock:
            for number in itertools.islice(self._numbers, count):
                self._send(*divmod(number, len(VENDORS)))
            self.published += count
        self._producer.poll(0)

    def publish_in_transactions(self, count: int, each: int) -> None:
        """Publishes the next `count` records in committed transactions of at most `each` records. Nothing
        else is published meanwhile."""
        transactional = Producer(
            {
                "bootstrap.servers": self._broker,
                "transactional.id": f"load-{uuid.uuid4().hex}",
                "partitioner": "murmur2_random",
                "log_level": 0,
            }
        )
        transactional.init_transactions(_PATIENCE_SECONDS)
        with self._lock:
            plain, self._producer = self._producer, transactional
            plain.flush(_PATIENCE_SECONDS)
            for begin in range(0, count, each):
                transactional.begin_transaction()
                for number in itertools.islice(self._numbers, min(each, count - begin)):
                    self._send(*divmod(number, len(VENDORS)))
                transactional.commit_transaction(_PATIENCE_SECONDS)
            self._producer = plain
            self.published += count

    def publish_bad(self, vendor: str, count: int) -> None:
        """Publishes records of one vendor that all become dead letters, to its partitions in turn."""
        with self._lock:
            for number in range(count):
                self._produce(self._topics[vendor], b"bad, number %d" % number, str(number).encode(), [])
            self.published += count

    def flush(self) -> None:
        """Returns when every record is acknowledged. Raises CaseFailed if one was refused."""
        left = self._producer.flush(_PATIENCE_SECONDS)
        if left or self._refused:
            raise CaseFailed(f"{left} records were not acknowledged to the load, {self._refused} refused")

    @contextmanager
    def flowing(self, rate: int) -> Iterator[None]:
        """Publishes about `rate` records a second while the block runs."""
        done = threading.Event()

        def flow() -> None:
            began, sent = time.monotonic(), 0
            while not done.wait(_TICK_SECONDS):
                due = int((time.monotonic() - began) * rate)
                self.publish(due - sent)
                sent = due

        thread = threading.Thread(target=flow, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _send(self, number: int, vendor: int) -> None:
        name = list(VENDORS)[vendor]
        user = user_of(number, self._users)
        headers: Headers = [("tenant", b"acme")] if user % 3 else []
        self._produce(self._topics[name], body(name, number, user), str(user).encode(), headers)

    def _produce(self, topic: str, value: bytes | None, key: bytes, headers: Headers) -> None:
        while True:
            try:
                self._producer.produce(topic, value, key, headers=headers, on_delivery=self._delivered)
                break
            except BufferError:
                self._producer.poll(0.1)

    def _delivered(self, error: KafkaError | None, _message: "Message[bytes, bytes]") -> None:
        self._refused += error is not None


def body(vendor: str, number: int, user: int) -> bytes | None:
    """Returns the value of the record of this number. It is a pure function."""
    if number % _NULL == _NULL - 1:
        return None
    if number % _NO_NAME == _NO_NAME - 1:
        return json.dumps({"number": number}).encode()
    if number % _NOT_JSON == _NOT_JSON - 1:
        return b"no JSON, number %d" % number
    return json.dumps(maker_of(vendor)(number, user)).encode()
