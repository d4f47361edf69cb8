"""Watches from outside what the group has committed, and what is left."""

import threading
import time
from collections.abc import Sequence

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec
from msgspec import Struct

Partition = tuple[str, int]
_SAMPLE_SECONDS = 0.25
_TIMEOUT_SECONDS = 3.0


class Offsets(Struct):
    """The ends and the committed offsets of every source partition at one moment."""

    ends: dict[Partition, int]
    committed: dict[Partition, int]

    def lag(self) -> int:
        """Returns the number of records that are not committed."""
        return sum(max(end - self.committed.get(each, 0), 0) for each, end in self.ends.items())

    def passed(self, mark: dict[Partition, int]) -> bool:
        """Returns whether everything before `mark` is committed."""
        return all(self.committed.get(each, 0) >= end for each, end in mark.items())


class Watch:
    """Samples a group's offsets while the case runs."""

    def __init__(self, broker: str, group: str, topics: Sequence[str]) -> None:
        self.stall = 0.0
        """The longest time in seconds in which a partition had records left and none of them was
        committed."""
        self.commits = 0
        """How often a sample differed from the one before. While no broker answers, nothing is counted."""
        self._topics = topics
        self._admin = AdminClient({"bootstrap.servers": broker, "log_level": 0})
        self._consumer = Consumer({"bootstrap.servers": broker, "group.id": group, "log_level": 0})
        self._using = threading.Lock()
        self._committed: dict[Partition, int] = {}
        self._waiting: dict[Partition, tuple[int, float]] = {}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._done.set()
        self._thread.join()
        self._consumer.close()

    def look(self) -> Offsets | None:
        """Returns the present offsets, or None if no broker answers."""
        with self._using:
            try:
                known = self._admin.list_topics(timeout=_TIMEOUT_SECONDS).topics
                parts = [
                    TopicPartition(topic, part)
                    for topic in self._topics
                    if topic in known
                    for part in known[topic].partitions
                ]
                latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
                asked = self._admin.list_offsets(
                    dict.fromkeys(parts, latest), request_timeout=_TIMEOUT_SECONDS
                )
                ends = {
                    (each.topic, each.partition): future.result().offset for each, future in asked.items()
                }
                answers = self._consumer.committed(parts, timeout=_TIMEOUT_SECONDS) if parts else []
            except KafkaException:
                return None
        return Offsets(ends, {(each.topic, each.partition): max(each.offset, 0) for each in answers})

    def _watch(self) -> None:
        while not self._done.wait(_SAMPLE_SECONDS):
            seen = self.look()
            if seen is not None:
                self._measure(seen, time.monotonic())

    def _measure(self, seen: Offsets, now: float) -> None:
        if seen.committed != self._committed:
            self._committed = seen.committed
            self.commits += 1
        for each, end in seen.ends.items():
            at = seen.committed.get(each, 0)
            before, since = self._waiting.get(each, (-1, now))
            if at >= end:
                self._waiting.pop(each, None)
            elif at != before:
                self._waiting[each] = (at, now)
            if at >= end or at != before:
                self.stall = max(self.stall, now - since if before >= 0 else 0.0)
            else:
                self.stall = max(self.stall, now - since)
