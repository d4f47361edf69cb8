"""Latency as a consumer sees it: one loop sends records by a schedule, and reads what comes of them.

A latency begins when its record is due by the schedule, and not when it is sent: if the loop, the producer or
the broker is late, that counts, too. One process sends and reads, so there is one clock.
"""

import time
from collections.abc import Sequence
from typing import Final, cast

from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

from tests.tools.bench.processes import BenchFailed
from tests.tools.bench.samples import Latencies, Paced, Samples

_BATCH: Final = 1_000
_POLL_SECONDS: Final = 0.001
_TIMEOUT_SECONDS: Final = 60.0


class ProbeLoop:
    """Sends and reads. `events` is the canonical topic. To be closed."""

    def __init__(self, broker: str, source: str, events: str, changelogs: Sequence[str]) -> None:
        self._source = source
        self._events = events
        self._producer = Producer(
            {
                "bootstrap.servers": broker,
                "partitioner": "murmur2_random",
                "linger.ms": 5,
                "acks": "all",
                "log_level": 0,
            }
        )
        self._refused = 0
        self._consumer = _at_the_ends(broker, [events, *changelogs])

    def close(self) -> None:
        self._consumer.close()

    def run(self, records: Sequence[Paced], rate: float, settle: float) -> Latencies:
        """Sends the records at this rate a second, and returns the latencies of all samples but those of the
        first `settle` seconds. Raises BenchFailed if a record is refused, or a sample is not seen in time."""
        samples, sent, began = Samples(), 0, time.monotonic()
        given_up = began + len(records) / rate + _TIMEOUT_SECONDS
        while sent < len(records) or samples:
            now = time.monotonic()
            due = min(int((now - began) * rate), len(records))
            for number in range(sent, due):
                after = number / rate
                if sample := records[number].sample:
                    samples.sent(sample, began + after, counts=after >= settle)
                self._send(records[number])
            sent = due
            self._producer.poll(0)
            self._read(samples)
            self._check(samples, given_up)
        return samples.latencies

    def work_off(self, records: Sequence[Paced], every: int, most: int) -> float:
        """Sends the records as fast as they become rows, and returns how many of them do so a second.

        Every so many of them is a sample, which says how far the workers are. At most `most` records are on
        their way. The first `most` do not count: the workers begin with them. Raises BenchFailed as `run`
        does.
        """
        samples, sent, sampled, done, first = Samples(), 0, 0, 0, 0
        began = time.monotonic()
        given_up = time.monotonic() + _TIMEOUT_SECONDS
        while sent < len(records) or samples:
            due = min(done + most, sent + _BATCH, len(records))
            for number in range(sent, due):
                if sample := records[number].sample:
                    samples.sent(sample, 0.0, counts=False)
                    sampled += 1
                self._send(records[number])
            sent = max(sent, due)
            self._producer.poll(0)
            self._read(samples)
            self._check(samples, given_up)
            done = (sampled - len(samples)) * every
            if not first and done >= most:
                began, first = time.monotonic(), done
        return (len(records) - first) / (time.monotonic() - began)

    def _check(self, samples: Samples, given_up: float) -> None:
        if self._refused or time.monotonic() > given_up:
            raise BenchFailed(
                f"{self._refused} records were refused, and {len(samples)} samples were not seen"
                " completely in time"
            )

    def _send(self, record: Paced) -> None:
        while True:
            try:
                self._producer.produce(self._source, record.body, record.key, on_delivery=self._delivered)
                break
            except BufferError:
                self._producer.poll(_POLL_SECONDS)

    def _delivered(self, error: KafkaError | None, _message: "Message[bytes, bytes]") -> None:
        self._refused += error is not None

    def _read(self, samples: Samples) -> None:
        first = self._consumer.poll(_POLL_SECONDS)
        if first is None:
            return
        messages = [first, *self._consumer.consume(_BATCH, 0)]
        now = time.monotonic()
        for message in messages:
            if error := message.error():
                raise BenchFailed(f"what the workers wrote cannot be read: {error.str()}")
            samples.seen(cast(bytes, message.key()), now, is_event=message.topic() == self._events)


def _at_the_ends(broker: str, topics: Sequence[str]) -> Consumer:
    """Returns a consumer at the present end of each partition."""
    consumer = Consumer(
        {
            "bootstrap.servers": broker,
            "group.id": "bench-reads-without-a-group",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 100,
            "log_level": 0,
        }
    )
    places = []
    for topic in topics:
        for partition in consumer.list_topics(topic, timeout=_TIMEOUT_SECONDS).topics[topic].partitions:
            place = TopicPartition(topic, partition)
            _, place.offset = consumer.get_watermark_offsets(place, _TIMEOUT_SECONDS)
            places.append(place)
    consumer.assign(places)
    return consumer
