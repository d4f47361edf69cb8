"""What is judged of the topics at a worker's start and by `rollcall topics --check`.

`RULES` is the whole list: a new rule is one line there.
"""

from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Final, Literal

from msgspec import Struct

from app.settings import Settings
from app.topics import KAFKA_DEFAULT_BYTES, Found, Role, Topic, TopicsError, expected_topics


class Subject(Struct, frozen=True):
    """A topic as it has to be and as it is; `largest_body`: the most that a vendor topic takes, bytes."""

    topic: Topic
    found: Found
    largest_body: int


class Comparison(Struct, frozen=True):
    """`failed`: how a value that does not hold stands to the limit, as in "has 3, less than 4"."""

    failed: str
    holds: Callable[[str, str], bool]


EXACTLY: Final = Comparison("not", lambda value, limit: value == limit)
AT_LEAST: Final = Comparison("less than", lambda value, limit: int(value) >= int(limit))
AT_MOST: Final = Comparison("more than", lambda value, limit: int(value) <= int(limit))
# A retention of -1 is for ever.
KEPT: Final = Comparison("less than", lambda value, limit: int(value) < 0 or int(value) >= int(limit))
# Whichever else it is: an empty policy, or one that a later Kafka knows, loses nothing by keys.
NOT_COMPACTED: Final = Comparison("not", lambda value, _limit: "compact" not in value.split(","))

Limit = Callable[[Subject], str]


class Rule(Struct, frozen=True):
    """For topics of these roles `config` has to stand to `limit` as `comparison` says; a `verdict` of
    "refuse" keeps a worker from starting. `why`: what would happen. A broker that does not know the
    setting has nothing to be judged."""

    config: str
    roles: AbstractSet[Role]
    verdict: Literal["refuse", "warn"]
    comparison: Comparison
    limit: Limit
    why: str


def _always(limit: int) -> Limit:
    return lambda _subject: str(limit)


def _as_created(config: str) -> Limit:
    return lambda subject: subject.topic.configs[config]


def _cleanup(subject: Subject) -> str:
    return subject.topic.cleanup


def _replicas(subject: Subject) -> str:
    return str(subject.found.replicas)


def _largest_body(subject: Subject) -> str:
    return str(subject.largest_body)


VENDOR: Final[frozenset[Role]] = frozenset({"vendor"})
CANONICAL: Final[frozenset[Role]] = frozenset({"canonical"})
LETTERS: Final[frozenset[Role]] = frozenset({"dead_letter"})
CHANGELOG: Final[frozenset[Role]] = frozenset({"changelog"})
WRITTEN: Final = CANONICAL | LETTERS | CHANGELOG

# Our records are stamped with the time of writing. A bound below a minute refuses them for clocks that are
# apart or a broker that was away for a moment, one below an hour for a longer outage.
_MINUTE_MS: Final = 60_000
_HOUR_MS: Final = 3_600_000
_KAFKA_DEFAULTS: Final[Mapping[str, str]] = {
    "message.timestamp.before.max.ms": str((1 << 63) - 1),
    "message.timestamp.after.max.ms": str(_HOUR_MS),
}
# A truncated dead letter: 64 KiB of the body, and headers.
LEAST_LETTER_BYTES: Final = 96 << 10

RULES: Final = (
    Rule("cleanup.policy", CHANGELOG, "refuse", EXACTLY, _cleanup, "`delete` forgets rows and markers"),
    Rule(
        "cleanup.policy",
        CANONICAL,
        "refuse",
        EXACTLY,
        _cleanup,
        "compaction removes events, `delete` alone keeps all for a time",
    ),
    Rule(
        "cleanup.policy",
        LETTERS,
        "refuse",
        EXACTLY,
        _cleanup,
        "a compacted topic refuses letters without a key and removes others",
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
        LETTERS,
        "refuse",
        AT_LEAST,
        _always(LEAST_LETTER_BYTES),
        "even shortened dead letters would be too large for it",
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
        LETTERS,
        "warn",
        AT_LEAST,
        _largest_body,
        "dead letters of larger bodies would be shortened",
    ),
    Rule(
        "min.insync.replicas",
        WRITTEN,
        "refuse",
        AT_MOST,
        _replicas,
        "with so few replicas no write would ever be acknowledged",
    ),
    Rule(
        "message.timestamp.before.max.ms",
        WRITTEN,
        "refuse",
        AT_LEAST,
        _always(_MINUTE_MS),
        "records of this moment would be refused",
    ),
    Rule(
        "message.timestamp.after.max.ms",
        WRITTEN,
        "refuse",
        AT_LEAST,
        _always(_MINUTE_MS),
        "records of this moment would be refused",
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
        CANONICAL | LETTERS,
        "warn",
        KEPT,
        _as_created("retention.ms"),
        "records are deleted sooner than the settings say",
    ),
    Rule(
        "retention.bytes",
        CANONICAL | LETTERS,
        "warn",
        EXACTLY,
        _always(-1),
        "records are deleted by size, whatever their age",
    ),
    Rule(
        "min.compaction.lag.ms",
        CHANGELOG,
        "warn",
        AT_LEAST,
        _as_created("min.compaction.lag.ms"),
        "compaction could remove a row before a late write over it is healed",
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
        "a shorter one hides deletions from late consumers, a longer one keeps deleted users' keys",
    ),
)


def check_topics(settings: Settings, found: Mapping[str, Found]) -> list[str]:
    """What to warn of, one line each. Raises TopicsError for the first thing that a worker must not start
    with: a right that is missing, a missing topic, a wrong partition count, or a rule that refuses."""
    topics = expected_topics(settings)
    there = [(topic, found[topic.name]) for topic in topics if topic.name in found]
    warnings = []
    for topic, is_found in there:
        if is_found.problem and (is_found.partitions == 0 or topic.role != "vendor"):
            raise TopicsError(is_found.problem)
        if is_found.problem:
            # A worker only reads it.
            warnings.append(f"{is_found.problem}; whether it is compacted is not known")
    if missing := [topic.name for topic in topics if topic.name not in found]:
        raise TopicsError(
            f"missing topics: {', '.join(missing)}; create them with `rollcall topics --create`"
            " or set TOPICS_CREATE=true"
        )
    for topic, is_found in there:
        if topic.fixed and is_found.partitions != topic.partitions:
            raise TopicsError(_wrong_count(settings, topic, is_found))
    broken = list(_broken(there))
    for rule, subject in broken:
        if rule.verdict == "refuse":
            raise TopicsError(_line(settings, rule, subject))
    return warnings + [_line(settings, rule, subject) for rule, subject in broken]


def _broken(there: list[tuple[Topic, Found]]) -> Iterator[tuple[Rule, Subject]]:
    largest_body = max(
        (found.largest_record for topic, found in there if topic.role == "vendor"),
        default=KAFKA_DEFAULT_BYTES,
    )
    for topic, found in there:
        subject = Subject(topic, found, largest_body)
        # The broker replaces the timestamp then, and does not judge it.
        stamped = found.configs.get("message.timestamp.type") == "LogAppendTime"
        for rule in RULES:
            value = found.configs.get(rule.config)
            if topic.role not in rule.roles or value is None:
                continue
            if stamped and rule.config.startswith("message.timestamp."):
                continue
            if not rule.comparison.holds(value, rule.limit(subject)):
                yield rule, subject


def _line(settings: Settings, rule: Rule, subject: Subject) -> str:
    name, limit = subject.topic.name, rule.limit(subject)
    better = limit
    if rule.verdict == "refuse":
        # What is only just not refused would be warned of.
        better = subject.topic.configs.get(rule.config, _KAFKA_DEFAULTS.get(rule.config, limit))
    return (
        f"topic {name} has {rule.config}={subject.found.configs[rule.config]}, {rule.comparison.failed}"
        f" {limit}: {rule.why}; change it with `kafka-configs.sh --bootstrap-server {settings.bootstrap}"
        f" --alter --topic {name} --add-config {rule.config}={better}`"
    )


def _wrong_count(settings: Settings, topic: Topic, found: Found) -> str:
    return (
        f"topic {topic.name} has {found.partitions} partitions, not {topic.partitions}: the count must never"
        " change, as each user's records would be in two partitions; if PARTITIONS_EVENTS was changed, give"
        " it back its first value, else recreate the topic with"
        f" `kafka-topics.sh --bootstrap-server {settings.bootstrap} --create --topic {topic.name}"
        f" --partitions {topic.partitions} --config cleanup.policy={topic.cleanup}`"
    )
