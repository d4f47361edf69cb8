"""Hears everything that the workers write, as they write it."""

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
from tests.faults.verifier import letter_origin
from tests.faults.watch import Partition
from tests.kafka import Headers, end_offsets
from tests.soak.beside import beside
from tests.soak.latency import Histogram
from tests.soak.ledger import Ledger
from tests.soak.stream import BATCH, at_end, consumer_of

_POLL_SECONDS = 0.2


class _Arrival(Struct):
    """The view of a canonical event that tells whence and how late it is."""

    origin: str
    recordedtime: datetime


_decoder = msgspec.json.Decoder(_Arrival)


class Reader:
    """Marks in `ledger` each source record that an event or a dead letter names, and takes the time from
    a record's Kafka timestamp until its event is here."""

    def __init__(self, broker: str, settings: Settings, consumer: Consumer) -> None:
        self.latencies = Histogram()
        """Of all events from now on; put another one here to begin anew."""
        self.recent = Histogram()
        """The same, for whoever looks at it more often."""
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
        """From the beginning of both topics, which have to be there, until the block ends."""
        topics = [settings.topic_events, settings.topic_dead_letter]
        with closing(consumer_of(broker, topics)) as consumer:
            reader = cls(broker, settings, consumer)
            with beside(reader.step):
                yield reader

    def step(self) -> None:
        """Takes what has arrived; waits only where nothing has."""
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
        """Whether everything before these offsets has been read."""
        return all(self._next.get(each, 0) >= end for each, end in ends.items())

    def _take(self, message: "Message[bytes, bytes]", now: float) -> None:
        known = self._event(message, now) if message.topic() == self._events else self._letter(message)
        self.strange += not known

    def _event(self, message: "Message[bytes, bytes]", now: float) -> bool:
        try:
            event = _decoder.decode(message.value() or b"")
            place, _, offset = event.origin.rpartition("/")
            known = self.ledger.mark(place, int(offset))
        except ValueError:
            return False
        seconds = now - event.recordedtime.timestamp()
        self.latencies.add(seconds)
        self.recent.add(seconds)
        return known

    def _letter(self, message: "Message[bytes, bytes]") -> bool:
        origin = letter_origin(dict(cast(Headers, message.headers() or [])))
        if origin is None:
            return False
        topic, partition, offset = origin
        return self.ledger.mark(f"{topic}/{partition}", offset)
