"""Compares the topics on a broker with what Rollcall needs: what keeps a worker from starting, and what to
warn of.

The rules themselves are data, in `app/topic_rules.py`.
"""

from collections.abc import Iterator, Mapping

from app.engine import missing_right
from app.errors import TopicsError
from app.settings import Settings
from app.topic_rules import KAFKA_DEFAULTS, RULES, Rule, Subject
from app.topics import KAFKA_DEFAULT_BYTES, NEEDED_RIGHTS, TopicDescription, TopicSpec, expected_topics


def check_topics(settings: Settings, topics: Mapping[str, TopicDescription]) -> list[str]:
    """Returns the warnings, one line each. `topics`: the topics on the broker, from `prepare_topics`.

    Raises TopicsError for the first problem with which a worker must not start: a right is missing, a topic
    is missing, a partition count is wrong, or a rule with the verdict "refuse" is broken.
    """
    existing = judged_topics(settings, topics)
    warnings = []
    for topic, described in existing:
        if described.problem and (described.partitions == 0 or topic.role != "vendor"):
            raise TopicsError(described.problem)
        if described.problem:
            # A worker only reads a vendor topic: it can start without its settings.
            warnings.append(f"{described.problem}; whether it is compacted is not known")
    if problems := topic_problems(settings, topics):
        raise TopicsError(problems[0])
    warnings += [
        f"topic {topic.name} has {described.replicas} replicas, fewer than REPLICATION_FACTOR"
        f" ({settings.replication_factor}): fewer brokers may be lost without records being lost"
        for topic, described in existing
        if lacks_replicas(settings, described)
    ]
    return warnings + [_line(settings, rule, subject) for rule, subject in _broken_rules(existing)]


def check_rights(settings: Settings, topics: Mapping[str, TopicDescription]) -> None:
    """Raises TopicsError if a worker lacks a right to read or write, with one line that names all of them.

    `topics`: from `prepare_topics`. Only a worker needs these rights, and not the client that checks topics.
    """
    missing = [
        missing_right(right, topic.name)
        for topic, described in judged_topics(settings, topics)
        if described.rights is not None
        for right in NEEDED_RIGHTS[topic.role]
        if right not in described.rights
    ]
    if missing:
        raise TopicsError("; ".join(missing))


def topic_problems(settings: Settings, topics: Mapping[str, TopicDescription]) -> list[str]:
    """Returns one line for each problem with which a worker must not start: topics are missing, a partition
    count is wrong, or a rule with the verdict "refuse" is broken. What could not be described is no problem.
    """
    existing = judged_topics(settings, topics)
    problems = []
    if missing := [topic.name for topic in expected_topics(settings) if topic.name not in topics]:
        problems.append(
            f"missing topics: {', '.join(missing)}; create them with `rollcall topics --create`"
            " or set TOPICS_CREATE=true"
        )
    problems += [
        _wrong_count(settings, topic, described)
        for topic, described in existing
        if topic.fixed and described.partitions not in (0, topic.partitions)
    ]
    return problems + [
        _line(settings, rule, subject)
        for rule, subject in _broken_rules(existing)
        if rule.verdict == "refuse"
    ]


def judged_topics(
    settings: Settings, topics: Mapping[str, TopicDescription]
) -> list[tuple[TopicSpec, TopicDescription]]:
    """Returns the expected topics that exist, each with its description."""
    return [(topic, topics[topic.name]) for topic in expected_topics(settings) if topic.name in topics]


def lacks_replicas(settings: Settings, described: TopicDescription) -> bool:
    """Returns whether a topic has fewer replicas than one that Rollcall creates."""
    return described.partitions > 0 and described.replicas < settings.replication_factor


def judged_rules(
    existing: list[tuple[TopicSpec, TopicDescription]],
) -> Iterator[tuple[Rule, Subject, bool]]:
    """Yields each rule that applies to one of the topics, and whether it holds. `existing`: from
    `judged_topics`."""
    largest_body = max(
        (described.largest_record for topic, described in existing if topic.role == "vendor"),
        default=KAFKA_DEFAULT_BYTES,
    )
    for topic, described in existing:
        subject = Subject(topic, described, largest_body)
        # With LogAppendTime the broker replaces a record's timestamp and does not compare it with any bound.
        broker_stamps = described.configs.get("message.timestamp.type") == "LogAppendTime"
        for rule in RULES:
            value = described.configs.get(rule.config)
            if topic.role not in rule.roles or value is None:
                continue
            if broker_stamps and rule.config.startswith("message.timestamp."):
                continue
            yield rule, subject, rule.comparison.holds(value, rule.limit(subject))


def _broken_rules(existing: list[tuple[TopicSpec, TopicDescription]]) -> Iterator[tuple[Rule, Subject]]:
    return ((rule, subject) for rule, subject, holds in judged_rules(existing) if not holds)


def _line(settings: Settings, rule: Rule, subject: Subject) -> str:
    name, limit = subject.expected.name, rule.limit(subject)
    better = limit
    if rule.verdict == "refuse":
        # The limit of a "refuse" rule may still break a "warn" rule: the command sets the value that Rollcall
        # creates the topic with, or Kafka's default.
        better = subject.expected.configs.get(rule.config, KAFKA_DEFAULTS.get(rule.config, limit))
    return (
        f"topic {name} has {rule.config}={subject.described.configs[rule.config]}, {rule.comparison.failed}"
        f" {limit}: {rule.why}; change it with `kafka-configs.sh --bootstrap-server {settings.bootstrap}"
        f" --alter --topic {name} --add-config {rule.config}={better}`"
    )


def _wrong_count(settings: Settings, topic: TopicSpec, described: TopicDescription) -> str:
    return (
        f"topic {topic.name} has {described.partitions} partitions, not {topic.partitions}: the count must"
        " never change, because each user's records would be in two partitions; if PARTITIONS_EVENTS was"
        " changed, set it to its first value again, else recreate the topic with"
        f" `kafka-topics.sh --bootstrap-server {settings.bootstrap} --create --topic {topic.name}"
        f" --partitions {topic.partitions} --config cleanup.policy={topic.cleanup}`"
    )
