"""Rollcall's topics: which ones it needs, how it creates them, and how large the records are that it writes.

`topic_admin.py` describes the topics on a broker and creates missing ones; `topic_check.py` compares them
with the rules of `topic_rules.py`.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from msgspec import Struct

from app.errors import VendorNotRead
from app.settings import Settings
from app.vendors import VENDORS

# A row stays below 1 MiB (docs/tables.md#row-size). An event has no more than a row, and in addition earlier
# values of the same claims (`previous`) and each id a few times. Both limits leave room.
ROW_BYTES: Final = 2 << 20
EVENT_BYTES: Final = 4 << 20
# A dead letter contains a record that somebody else wrote. Only the limit of its topic bounds it: 4 MiB by
# default, and any size if somebody else created the topic. A dead letter of a larger record is truncated.
# This is also the largest batch of both producers, because both write dead letters.
DEAD_LETTER_BYTES: Final = 16 << 20

_DAY_MS: Final = 86_400_000
# When old values of rows are removed from a changelog (docs/guarantees.md says what this means for deleted
# users).
ROW_LIFE: Final[Mapping[str, str]] = {
    # By default Kafka cleans a log when half of it is not cleaned yet, and a restart reads twice as much as
    # there are rows. With a fifth it reads a quarter more than that. Each run of the cleaner writes the whole
    # log again, so with much less it could not keep up with a worker at full speed.
    "min.cleanable.dirty.ratio": "0.2",
    # Kafka never compacts the segment that it writes to, so a segment has to be closed well before
    # max.compaction.lag.ms.
    "segment.ms": str(_DAY_MS),
    # A consumer that is less than this behind sees every tombstone.
    "delete.retention.ms": str(7 * _DAY_MS),
    # A segment is closed by size, too. With Kafka's default of 1 GiB a restart would read up to that much of
    # old rows in each partition. The largest row has to fit into a segment.
    "segment.bytes": str(16 * ROW_BYTES),
}

# A dead letter has the time of the worker's clock as its timestamp. The topic must not refuse dead letters
# because that clock is wrong.
ANY_TIMESTAMP: Final = {"message.timestamp.after.max.ms": str((1 << 63) - 1)}

# In bytes: Kafka's batch header takes 61, the fields of a record up to 21, the lengths in a header up to 10.
_BATCH_OVERHEAD: Final = 100
_HEADER_OVERHEAD: Final = 10

KAFKA_DEFAULT_BYTES: Final = 1_048_588


Role = Literal["vendor", "canonical", "dead_letter", "changelog"]


EVENTS: Final = "events"
"""The name of the canonical topic for operators, beside the names of the vendors."""

NEEDED_RIGHTS: Final[Mapping[Role, tuple[Literal["READ", "WRITE"], ...]]] = {
    "vendor": ("READ",),
    "canonical": ("READ", "WRITE"),
    "dead_letter": ("WRITE",),
    "changelog": ("READ", "WRITE"),
}
"""What a worker needs on a topic, besides DESCRIBE_CONFIGS."""


class TopicSpec(Struct, frozen=True):
    """A topic as it has to be. `fixed`: whether its number of partitions must be this one; if not, any number
    works. `cleanup`: its `cleanup.policy`. `configs`: the other settings with which it is created, by Kafka's
    names."""

    name: str
    partitions: int
    cleanup: str
    fixed: bool
    role: Role
    configs: dict[str, str] = {}


class TopicDescription(Struct, frozen=True):
    """A topic as it is on the broker. `cleanup`: its `cleanup.policy`. `largest_record`: its
    `max.message.bytes`. `configs`: all its settings by Kafka's names. `problem`: one line that says why a
    part of this is unknown, or "". If there is a problem, the settings are unknown; if
    `partitions` is 0 as well, everything is. `rights`: which of READ and WRITE this client has on it, None if
    that is unknown."""

    partitions: int
    cleanup: str
    largest_record: int
    configs: dict[str, str] = {}
    replicas: int = 1
    problem: str = ""
    rights: frozenset[str] | None = None


class OutputTopic(Struct, frozen=True):
    """A topic that the worker writes to: its number of partitions, and how large a record may be. Nothing
    else decides whether a record fits.

    `largest_record`: the bound of a batch with one record, in bytes: the smaller one of what the topic
    accepts and what our producer sends.
    """

    topic: str
    partitions: int
    largest_record: int

    def fits(
        self, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes | None]] = ()
    ) -> bool:
        """Returns whether the record can be written, in a batch of its own."""
        return len(key or b"") + len(value or b"") <= self.max_payload(headers)

    def max_payload(self, headers: Sequence[tuple[str, bytes | None]]) -> int:
        """Returns how many bytes the key and the value of a record with these headers may have together."""
        return self.largest_record - _BATCH_OVERHEAD - sum(map(self.size_of, headers))

    @staticmethod
    def size_of(header: tuple[str, bytes | None]) -> int:
        """Returns the number of bytes, at most, that a header adds to a record."""
        name, text = header
        return len(name.encode()) + len(text or b"") + _HEADER_OVERHEAD


def topic_called(settings: Settings, name: str) -> str:
    """Returns the topic of a vendor, or the canonical topic if `name` is EVENTS. Raises KeyError for any
    other name, and VendorNotRead for a vendor that is not in VENDORS."""
    if name == EVENTS:
        return settings.topic_events
    if VENDORS[name].name not in settings.vendor_names:
        raise VendorNotRead(f"{name} is not in VENDORS")
    return settings.topic_of(name)


def output_topic(settings: Settings, name: str, topics: Mapping[str, TopicDescription] | None) -> OutputTopic:
    """Returns the topic `name` as `topics` describes it, from `prepare_topics`. If `topics` is None, returns
    it as Rollcall creates it."""
    spec = next(topic for topic in expected_topics(settings) if topic.name == name)
    # Our producer does not send larger records than our own topics accept, also if this topic accepts them.
    sent = int(spec.configs["max.message.bytes"])
    if topics is None:
        return OutputTopic(name, spec.partitions, sent)
    return OutputTopic(name, topics[name].partitions, min(topics[name].largest_record, sent))


def expected_topics(settings: Settings) -> list[TopicSpec]:
    """Returns all topics that a worker needs: those of the vendors that it reads, the canonical topic, the
    dead-letter topic, and both changelogs."""
    # A vendor's topic accepts records over MAX_RECORD_BYTES, so that they become dead letters and not errors
    # of the vendor's producer.
    room = min(max(4 * settings.max_record_bytes, KAFKA_DEFAULT_BYTES), (1 << 31) - 1)
    body_configs = {"max.message.bytes": str(room)}
    vendor_topics = [
        TopicSpec(
            settings.topic_of(vendor), settings.partitions_vendor, "delete", False, "vendor", body_configs
        )
        for vendor in settings.vendor_names
    ]
    count = settings.partitions_events
    events = {"max.message.bytes": str(EVENT_BYTES), **_retention(settings.events_retention)}
    dead_letters = {"max.message.bytes": str(DEAD_LETTER_BYTES), **_retention(settings.dead_letter_retention)}
    rows = {"max.message.bytes": str(ROW_BYTES), **_compaction_lag(settings.compaction_lag), **ROW_LIFE}
    return [
        *vendor_topics,
        TopicSpec(settings.topic_events, count, "delete", True, "canonical", events),
        TopicSpec(
            settings.topic_dead_letter, count, "delete", False, "dead_letter", dead_letters | ANY_TIMESTAMP
        ),
        *(TopicSpec(name, count, "compact", True, "changelog", rows) for name in settings.changelogs),
    ]


def _retention(seconds: float) -> dict[str, str]:
    return {"retention.ms": str(round(seconds * 1000))}


def _compaction_lag(seconds: float) -> dict[str, str]:
    """Returns when the old values of rows are removed from a changelog, at the earliest and at the latest."""
    least = round(seconds * 1000)
    return {
        # If a zombie writes an old row over a newer one, the row is repaired within a minute of its owner's
        # time. Until then compaction must not remove the newer one (docs/design.md#zombies).
        "min.compaction.lag.ms": str(least),
        # A log of which less than `min.cleanable.dirty.ratio` is not cleaned yet would never be: values that
        # a deletion has removed from a row would stay in it without any bound. Kafka refuses a time that is
        # less than the other one.
        "max.compaction.lag.ms": str(max(7 * _DAY_MS, least + _DAY_MS)),
    }
