"""Reads all events and dead letters while the workers write them."""

import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime
from typing import Self, cast

import msgspec
from confluent_kafka import Consumer, Message
from msgspec import Struct

from app.settings import Settings
from app.vendors import VENDORS
from tests.kafka import Headers, end_offsets
from tests.tools.faults.verifier import dead_letter_source
from tests.tools.faults.watch import Partition
from tests.tools.soak.beside import beside
from tests.tools.soak.latency import Histogram
from tests.tools.soak.ledger import Ledger
from tests.tools.soak.stream import BATCH, at_end, consumer_of

_POLL_SECONDS = 0.2


class _Arrival(Struct):
    """A view of a canonical event: the position of its source record, and the record's timestamp."""

    origin: str
    recordedtime: datetime


_decoder = msgspec.json.Decoder(_Arrival)


class Reader:
    """Marks in `ledger` each source record that an event or a dead letter names, and measures the time from
    the record's Kafka timestamp until its event arrives here."""

    def __init__(self, broker: str, settings: Settings, consumer: Consumer) -> None:
        self.latencies = Histogram()
        """The latencies of all events; may be replaced by an empty one."""
        self.recent = Histogram()
        """The same latencies, for readings at shorter intervals."""
        self.strange = 0
        """Events and dead letters that name no source record."""
        self._events = settings.topic_events
        self._consumer = consumer
        self._next: dict[Partition, int] = {}
        sources = map(settings.topic_of, VENDORS)
        self.ledger = Ledger(f"{topic}/{part}" for topic in sources for part in end_offsets(broker, topic))

    @classmethod
    @contextmanager
    def reading(cls, broker: str, settings: Settings) -> Iterator[Self]:
        """Reads both topics, which have to exist, from their beginning until the block ends."""
        topics = [settings.topic_events, settings.topic_dead_letter]
        with closing(consumer_of(broker, topics)) as consumer:
            reader = cls(broker, settings, consumer)
            with beside(reader.step):
                yield reader

    def step(self) -> None:
        """Handles the messages that have arrived; waits only if there are none."""
        first = self._consumer.poll(_POLL_SECONDS)
        if first is None:
            return
        messages = [first, *self._consumer.consume(BATCH, 0)]
        now = time.time()
        for message in messages:
            offset = cast(int, message.offset())
            if not at_end(message):
                self._take(message, now)
                offset += 1
            self._next[cast(str, message.topic()), cast(int, message.partition())] = offset

    def passed(self, ends: Mapping[Partition, int]) -> bool:
        """Returns whether everything before these offsets has been read."""
        return all(self._next.get(each, 0) >= end for each, end in ends.items())

    def _take(self, message: "Message[bytes, bytes]", now: float) -> None:
        known = self._event(message, now) if message.topic() == self._events else self._dead_letter(message)
        self.strange += not known

    def _event(self, message: "Message[bytes, bytes]", now: float) -> bool:
        try:
            event = _decoder.decode(message.value() or b"")
            partition, _, offset = event.origin.rpartition("/")
            known = self.ledger.mark(partition, int(offset))
        except ValueError:
            return False
        seconds = now - event.recordedtime.timestamp()
        self.latencies.add(seconds)
        self.recent.add(seconds)
        return known

    def _dead_letter(self, message: "Message[bytes, bytes]") -> bool:
        origin = dead_letter_source(dict(cast(Headers, message.headers() or [])))
        if origin is None:
            return False
        topic, partition, offset = origin
        return self.ledger.mark(f"{topic}/{partition}", offset)
