"""The rules for the settings of topics. They are checked at a worker's start and by `rollcall topics
--check`.

`RULES` is the whole list: a new rule is one more entry. `topic_check.py` checks them. The file is long
because the list is most of it, one argument a line.
"""

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Final, Literal

from msgspec import Struct

from app.topics import KAFKA_DEFAULT_BYTES, Role, TopicDescription, TopicSpec


class Subject(Struct, frozen=True):
    """A topic as it has to be and as it is. `largest_body`: the largest `max.message.bytes` of all vendors'
    topics."""

    expected: TopicSpec
    described: TopicDescription
    largest_body: int


class Comparison(Struct, frozen=True):
    """`wanted`: how an expectation begins, as in "at least 4". `holds`: whether a value satisfies a limit.
    `failed`: what to say if it does not, as in "has 3, less than 4"."""

    wanted: str
    failed: str
    holds: Callable[[str, str], bool]


EXACTLY: Final = Comparison("exactly", "not", lambda value, limit: value == limit)
AT_LEAST: Final = Comparison("at least", "less than", lambda value, limit: float(value) >= float(limit))
AT_MOST: Final = Comparison("at most", "more than", lambda value, limit: float(value) <= float(limit))
# A retention of -1 means that records are kept for ever.
KEPT: Final = Comparison(
    "at least", "less than", lambda value, limit: int(value) < 0 or int(value) >= int(limit)
)
# Every other policy, such as an empty one or one of a later Kafka, removes no record because of its key.
NOT_COMPACTED: Final = Comparison(
    "without compact, such as", "not", lambda value, _limit: "compact" not in value.split(",")
)

Limit = Callable[[Subject], str]


class Rule(Struct, frozen=True):
    """In topics of these roles the value of `config` has to satisfy `limit` as `comparison` says. If it does
    not, the verdict "refuse" keeps a worker from starting, and "warn" makes it log a warning. `why`: what
    would happen. If a broker does not know the setting, the rule is not checked."""

    config: str
    roles: AbstractSet[Role]
    verdict: Literal["refuse", "warn"]
    comparison: Comparison
    limit: Limit
    why: str


def _always(limit: int) -> Limit:
    return lambda _subject: str(limit)


def _as_created(config: str) -> Limit:
    return lambda subject: subject.expected.configs[config]


def _cleanup(subject: Subject) -> str:
    return subject.expected.cleanup


def _replicas(subject: Subject) -> str:
    return str(subject.described.replicas)


def _largest_body(subject: Subject) -> str:
    return str(subject.largest_body)


VENDOR: Final[frozenset[Role]] = frozenset({"vendor"})
CANONICAL: Final[frozenset[Role]] = frozenset({"canonical"})
DEAD_LETTERS: Final[frozenset[Role]] = frozenset({"dead_letter"})
CHANGELOG: Final[frozenset[Role]] = frozenset({"changelog"})
WRITTEN: Final = CANONICAL | DEAD_LETTERS | CHANGELOG

# Our records have the time of writing as their timestamp. With a bound below a minute the broker refuses them
# if its clock differs a little, or if it was away for a moment; with a bound below an hour, after a longer
# outage.
_MINUTE_MS: Final = 60_000
_HOUR_MS: Final = 3_600_000
KAFKA_DEFAULTS: Final[Mapping[str, str]] = {
    "message.timestamp.before.max.ms": str((1 << 63) - 1),
    "message.timestamp.after.max.ms": str(_HOUR_MS),
}
# A truncated dead letter has up to 64 KiB of the value, and headers.
LEAST_DEAD_LETTER_BYTES: Final = 96 << 10

RULES: Final = (
    Rule("cleanup.policy", CHANGELOG, "refuse", EXACTLY, _cleanup, "`delete` forgets rows and markers"),
    Rule(
        "cleanup.policy",
        CANONICAL,
        "refuse",
        EXACTLY,
        _cleanup,
        "compaction removes events; with `delete` alone every event is kept for the retention time",
    ),
    Rule(
        "cleanup.policy",
        DEAD_LETTERS,
        "refuse",
        EXACTLY,
        _cleanup,
        "a compacted topic refuses dead letters without a key, and compaction removes others",
    ),
    Rule(
        "cleanup.policy",
        VENDOR,
        "warn",
        NOT_COMPACTED,
        _cleanup,
        "compaction removes records before they are read",
    ),
    Rule(
        "max.message.bytes",
        CANONICAL,
        "refuse",
        AT_LEAST,
        _always(KAFKA_DEFAULT_BYTES),
        "events would be too large for it",
    ),
    Rule(
        "max.message.bytes",
        CHANGELOG,
        "refuse",
        AT_LEAST,
        _always(KAFKA_DEFAULT_BYTES),
        "rows would be too large for it",
    ),
    Rule(
        "max.message.bytes",
        DEAD_LETTERS,
        "refuse",
        AT_LEAST,
        _always(LEAST_DEAD_LETTER_BYTES),
        "even truncated dead letters would be too large for it",
    ),
    Rule(
        "max.message.bytes",
        CANONICAL | CHANGELOG,
        "warn",
        AT_LEAST,
        _as_created("max.message.bytes"),
        "the largest events and rows would become dead letters",
    ),
    Rule(
        "max.message.bytes",
        DEAD_LETTERS,
        "warn",
        AT_LEAST,
        _largest_body,
        "dead letters of larger records would be truncated",
    ),
    Rule(
        "min.insync.replicas",
        WRITTEN,
        "refuse",
        AT_MOST,
        _replicas,
        "with fewer replicas than that no write is ever acknowledged",
    ),
    Rule(
        "message.timestamp.before.max.ms",
        WRITTEN,
        "refuse",
        AT_LEAST,
        _always(_MINUTE_MS),
        "records with the current time would be refused",
    ),
    Rule(
        "message.timestamp.after.max.ms",
        WRITTEN,
        "refuse",
        AT_LEAST,
        _always(_MINUTE_MS),
        "records with the current time would be refused",
    ),
    Rule(
        "message.timestamp.before.max.ms",
        WRITTEN,
        "warn",
        AT_LEAST,
        _always(_HOUR_MS),
        "records that waited for a broker would be refused",
    ),
    Rule(
        "message.timestamp.after.max.ms",
        WRITTEN,
        "warn",
        AT_LEAST,
        _always(_HOUR_MS),
        "records of a worker whose clock is ahead would be refused",
    ),
    Rule(
        "retention.ms",
        CANONICAL | DEAD_LETTERS,
        "warn",
        KEPT,
        _as_created("retention.ms"),
        "records are deleted sooner than the settings say",
    ),
    Rule(
        "retention.bytes",
        CANONICAL | DEAD_LETTERS,
        "warn",
        EXACTLY,
        _always(-1),
        "records are deleted by the size of the log, at any age",
    ),
    Rule(
        "min.compaction.lag.ms",
        CHANGELOG,
        "warn",
        AT_LEAST,
        _as_created("min.compaction.lag.ms"),
        "compaction could remove a row before the late write of a zombie over it is repaired",
    ),
    Rule(
        "min.cleanable.dirty.ratio",
        CHANGELOG,
        "warn",
        AT_MOST,
        _as_created("min.cleanable.dirty.ratio"),
        "a restart reads more old rows",
    ),
    Rule(
        "max.compaction.lag.ms",
        CHANGELOG,
        "warn",
        AT_MOST,
        _as_created("max.compaction.lag.ms"),
        "values of deleted users stay longer in the log",
    ),
    Rule(
        "segment.ms",
        CHANGELOG,
        "warn",
        AT_MOST,
        _as_created("segment.ms"),
        "values of deleted users stay longer in the log",
    ),
    Rule(
        "delete.retention.ms",
        CHANGELOG,
        "warn",
        EXACTLY,
        _as_created("delete.retention.ms"),
        "a shorter time hides deletions from late consumers, a longer one keeps the keys of deleted users",
    ),
)
