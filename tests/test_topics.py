"""Topics: which ones Rollcall needs, which settings are refused or warned of, and which records fit."""

import re
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka.producer.message_accumulator import BatchBuilder
from hypothesis import given
from hypothesis import strategies as st

from app.environment import load
from app.errors import TopicsError
from app.settings import Settings
from app.topic_check import check_topics
from app.topic_rules import RULES
from app.topics import OutputTopic, TopicDescription, expected_topics, output_topic
from app.vendors import VENDORS

SETTINGS = Settings()
HEADERS = st.lists(st.tuples(st.text(max_size=40), st.binary(max_size=400) | st.none()), max_size=5)


# Kafka's own defaults of the settings that the rules check.
STOCK = {
    "cleanup.policy": "delete",
    "max.message.bytes": "1048588",
    "min.insync.replicas": "1",
    "retention.ms": "604800000",
    "retention.bytes": "-1",
    "segment.ms": "604800000",
    "segment.bytes": "1073741824",
    "delete.retention.ms": "86400000",
    "min.compaction.lag.ms": "0",
    "max.compaction.lag.ms": "9223372036854775807",
    "min.cleanable.dirty.ratio": "0.5",
    "message.timestamp.type": "CreateTime",
    "message.timestamp.before.max.ms": "9223372036854775807",
    "message.timestamp.after.max.ms": "3600000",
}
USERS, LOYALTY = SETTINGS.changelogs
VENDOR_TOPICS = [SETTINGS.topic_of(vendor) for vendor in VENDORS]
WRITTEN = ["users.events", "users.dead-letter", USERS, LOYALTY]


def described(partitions: int, configs: dict[str, str], **more: Any) -> TopicDescription:
    limit = int(configs["max.message.bytes"])
    return TopicDescription(partitions, configs["cleanup.policy"], limit, configs, **more)


def topics_of(settings: Settings) -> dict[str, TopicDescription]:
    """Returns all topics as Rollcall creates them."""
    return {
        topic.name: described(topic.partitions, {**STOCK, "cleanup.policy": topic.cleanup, **topic.configs})
        for topic in expected_topics(settings)
    }


def with_config(names: Sequence[str], **changes: str) -> dict[str, TopicDescription]:
    """Returns all topics as Rollcall creates them, but with changed settings of the topics `names`. The names
    of the settings have `_` in place of `.`."""
    topics = topics_of(SETTINGS)
    changed = {name.replace("_", "."): value for name, value in changes.items()}
    return topics | {
        name: described(topics[name].partitions, topics[name].configs | changed) for name in names
    }


def refusal(topics: dict[str, TopicDescription], settings: Settings = SETTINGS) -> str:
    with pytest.raises(TopicsError) as refused:
        check_topics(settings, topics)
    said = str(refused.value)
    assert "\n" not in said
    return said


def test_every_vendor_and_the_contracts_four_have_a_topic() -> None:
    assert {topic.name: topic.cleanup for topic in expected_topics(SETTINGS)} == {
        **{f"vendor.{vendor}.users": "delete" for vendor in VENDORS},
        "users.events": "delete",
        "users.dead-letter": "delete",
        "rollcall-users-changelog": "compact",
        "rollcall-loyalty-changelog": "compact",
    }


def test_the_canonical_topic_and_the_changelogs_have_the_same_size() -> None:
    settings = load({"PARTITIONS_EVENTS": "12", "PARTITIONS_VENDOR": "5"})
    sizes = {topic.name: topic.partitions for topic in expected_topics(settings)}
    for name in (settings.topic_events, *settings.changelogs):
        assert sizes[name] == 12
    assert {sizes[settings.topic_of(vendor)] for vendor in VENDORS} == {5}


def test_changelogs_are_not_compacted_before_a_row_can_be_healed() -> None:
    configs = {topic.name: topic.configs for topic in expected_topics(SETTINGS)}
    for name in SETTINGS.changelogs:
        assert int(configs[name]["min.compaction.lag.ms"]) >= 3_600_000


@pytest.mark.parametrize(("lag", "most"), [("60", 7 * 86_400), ("604800", 8 * 86_400), ("1e9", 1e9 + 86_400)])
def test_the_compaction_lag_is_a_setting(lag: str, most: float) -> None:
    settings = load({"COMPACTION_LAG": lag})
    topics = topics_of(settings)
    for name in settings.changelogs:
        configs = topics[name].configs
        assert float(configs["min.compaction.lag.ms"]) == float(lag) * 1000
        # Kafka refuses one that is less than the other.
        assert float(configs["max.compaction.lag.ms"]) == most * 1000
    assert check_topics(settings, topics) == []
    # Who asks for a longer lag is told that the topics still have the old one.
    assert bool(check_topics(settings, topics_of(load({"COMPACTION_LAG": "60"})))) == (lag != "60")


def test_topics_as_rollcall_creates_them_pass_without_a_warning() -> None:
    assert check_topics(SETTINGS, topics_of(SETTINGS)) == []


def test_all_missing_topics_are_named_on_one_line_with_the_command() -> None:
    said = refusal({})
    assert all(topic.name in said for topic in expected_topics(SETTINGS))
    assert "`rollcall topics --create`" in said
    assert "TOPICS_CREATE=true" in said


@pytest.mark.parametrize("name", ["users.events", USERS, LOYALTY])
def test_a_partition_count_of_its_own_is_refused(name: str) -> None:
    topics = topics_of(SETTINGS)
    said = refusal(topics | {name: described(7, topics[name].configs)})
    assert said.startswith(f"topic {name} has 7 partitions, not 6: the count must never change")
    # This was the advice once. It would have put the rows of each user into two partitions.
    assert "set PARTITIONS_EVENTS" not in said
    assert f"--create --topic {name} --partitions 6" in said


def test_vendor_topics_and_dead_letters_may_have_any_number_of_partitions() -> None:
    topics = topics_of(SETTINGS)
    names = [*VENDOR_TOPICS, "users.dead-letter"]
    assert (
        check_topics(SETTINGS, topics | {name: described(31, topics[name].configs) for name in names}) == []
    )


@pytest.mark.parametrize("policy", ["delete", "compact,delete", "delete,compact", ""])
@pytest.mark.parametrize("name", [USERS, LOYALTY])
def test_a_changelog_is_compacted_and_nothing_else(name: str, policy: str) -> None:
    said = refusal(with_config([name], cleanup_policy=policy))
    assert said.startswith(f"topic {name} has cleanup.policy={policy}, not compact: ")
    assert "forgets rows and markers" in said
    assert f"--topic {name} --add-config cleanup.policy=compact" in said


@pytest.mark.parametrize("policy", ["compact", "compact,delete", "delete,compact", ""])
@pytest.mark.parametrize("name", ["users.events", "users.dead-letter"])
def test_events_and_dead_letters_are_deleted_by_time_and_nothing_else(name: str, policy: str) -> None:
    said = refusal(with_config([name], cleanup_policy=policy))
    assert said.startswith(f"topic {name} has cleanup.policy={policy}, not delete: ")
    assert f"--topic {name} --add-config cleanup.policy=delete" in said


@pytest.mark.parametrize("policy", ["compact", "compact,delete", "delete,compact"])
def test_a_compacted_vendor_topic_is_warned_of(policy: str) -> None:
    for name in VENDOR_TOPICS:
        (said,) = check_topics(SETTINGS, with_config([name], cleanup_policy=policy))
        assert said.startswith(f"topic {name} has cleanup.policy={policy}, not delete: ")
        assert "before they are read" in said


REFUSED = [
    ("max.message.bytes", "1048587", ["users.events", USERS, LOYALTY]),
    ("max.message.bytes", "65536", ["users.dead-letter"]),
    ("min.insync.replicas", "2", WRITTEN),
    ("message.timestamp.before.max.ms", "0", WRITTEN),
    ("message.timestamp.after.max.ms", "5000", WRITTEN),
]
WARNED = [
    ("max.message.bytes", "1048588", ["users.events", USERS, LOYALTY]),
    ("max.message.bytes", "1048588", ["users.dead-letter"]),
    ("message.timestamp.before.max.ms", "60000", WRITTEN),
    ("message.timestamp.after.max.ms", "3599999", WRITTEN),
    ("retention.ms", "604800000", ["users.events", "users.dead-letter"]),
    ("retention.bytes", "1000000", ["users.events", "users.dead-letter"]),
    ("min.compaction.lag.ms", "0", [USERS, LOYALTY]),
    ("max.compaction.lag.ms", "9223372036854775807", [USERS, LOYALTY]),
    ("min.cleanable.dirty.ratio", "0.5", [USERS, LOYALTY]),
    ("segment.ms", "604800000", [USERS, LOYALTY]),
    ("delete.retention.ms", "86400000", [USERS, LOYALTY]),
]
PASSED = [
    ("max.message.bytes", "104857600", WRITTEN),
    ("message.timestamp.before.max.ms", "3600000", WRITTEN),
    ("retention.ms", "-1", ["users.events", "users.dead-letter"]),
    ("max.compaction.lag.ms", "86400000", [USERS, LOYALTY]),
    ("segment.ms", "3600000", [USERS, LOYALTY]),
    ("min.compaction.lag.ms", "7200000", [USERS, LOYALTY]),
    ("min.cleanable.dirty.ratio", "0.1", [USERS, LOYALTY]),
]
CASES = [
    (verdict, config, value, name)
    for verdict, rows in (("refuse", REFUSED), ("warn", WARNED), ("pass", PASSED))
    for config, value, names in rows
    for name in names
]


@pytest.mark.parametrize(("verdict", "config", "value", "name"), CASES)
def test_every_setting_that_matters_is_judged(verdict: str, config: str, value: str, name: str) -> None:
    topics = with_config([name], **{config.replace(".", "_"): value})
    beginning = f"topic {name} has {config}={value}, "
    if verdict == "refuse":
        said = refusal(topics)
        assert said.startswith(beginning)
    else:
        warnings = check_topics(SETTINGS, topics)
        assert [said.startswith(beginning) for said in warnings] == [True] * (verdict == "warn")
        said = "".join(warnings)
    if verdict != "pass":
        # The command in the line repairs it.
        command = re.search(rf"--topic {re.escape(name)} --add-config (\S+)=(\S+)`", said)
        assert command is not None
        assert command[1] == config
        mended = with_config([name], **{config.replace(".", "_"): command[2]})
        assert not any(f"has {config}=" in line for line in check_topics(SETTINGS, mended))


def test_there_is_a_case_for_every_rule() -> None:
    policy = {("cleanup.policy", "refuse"), ("cleanup.policy", "warn")}
    judged = {(config, verdict) for verdict, config, _, _ in CASES} | policy
    assert {(rule.config, rule.verdict) for rule in RULES} <= judged


def test_a_topic_that_its_broker_stamps_has_no_bounds() -> None:
    changes = {"message_timestamp_type": "LogAppendTime", "message_timestamp_before_max_ms": "0"}
    assert check_topics(SETTINGS, with_config(WRITTEN, **changes)) == []


def test_a_setting_that_the_broker_does_not_know_is_not_judged() -> None:
    topics = {
        name: TopicDescription(each.partitions, each.cleanup, each.largest_record)
        for name, each in topics_of(SETTINGS).items()
    }
    assert check_topics(SETTINGS, topics) == []


@pytest.mark.parametrize("name", [*WRITTEN, *VENDOR_TOPICS])
def test_what_could_not_be_described_is_refused_before_anything_else(name: str) -> None:
    assert refusal(
        {name: TopicDescription(0, "unknown", 0, problem=f"not authorized to describe topic {name}")}
    ) == (f"not authorized to describe topic {name}")


@pytest.mark.parametrize("name", [*WRITTEN, *VENDOR_TOPICS])
def test_unknown_settings_are_refused_where_the_worker_writes(name: str) -> None:
    topics = topics_of(SETTINGS) | {name: TopicDescription(6, "unknown", 1_048_588, problem="not authorized")}
    if name in WRITTEN:
        assert refusal(topics) == "not authorized"
    else:
        assert check_topics(SETTINGS, topics) == ["not authorized; whether it is compacted is not known"]


def test_the_topics_of_vendors_that_are_not_read_are_not_needed() -> None:
    settings = Settings(vendors="magine,fynd")
    topics = topics_of(settings)
    assert topics.keys() - topics_of(SETTINGS).keys() == set()
    assert [name for name in topics if name.startswith("vendor.")] == [
        "vendor.fynd.users",
        "vendor.magine.users",
    ]
    assert check_topics(settings, topics) == []
    with pytest.raises(TopicsError, match=r"^missing topics: vendor.fynd.users; "):
        check_topics(settings, {name: topic for name, topic in topics.items() if "fynd" not in name})


def test_deleted_users_rows_are_bound_to_go() -> None:
    configs = {topic.name: topic.configs for topic in expected_topics(SETTINGS)}
    week = 7 * 86_400_000
    for name in SETTINGS.changelogs:
        life = {config: float(value) for config, value in configs[name].items()}
        assert life["max.compaction.lag.ms"] == week
        assert life["segment.ms"] < week
        assert life["delete.retention.ms"] == week
        assert life["max.message.bytes"] <= life["segment.bytes"]


def test_a_target_is_the_topic_as_it_is_or_as_it_would_be_created() -> None:
    topics = topics_of(SETTINGS) | {"users.dead-letter": TopicDescription(9, "delete", 500)}
    assert output_topic(SETTINGS, "users.dead-letter", topics) == OutputTopic("users.dead-letter", 9, 500)
    assert output_topic(SETTINGS, "users.dead-letter", None).partitions == 6
    assert output_topic(SETTINGS, "users.dead-letter", None).largest_record > 1 << 20


@given(
    key=st.binary(max_size=300) | st.none(),
    value=st.binary(max_size=3000) | st.none(),
    headers=HEADERS,
)
def test_what_a_topic_takes_is_never_more_than_its_limit(
    key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes | None]]
) -> None:
    # The size that the broker compares with `max.message.bytes` is that of the batch.
    batch = BatchBuilder(1 << 20, 0)
    assert batch.append(timestamp=1, key=key, value=value, headers=headers) is not None
    batch.close()
    size = len(bytes(batch._build()))
    assert not OutputTopic("t", 1, size - 1).fits(key, value, headers)
    assert OutputTopic("t", 1, size + 200).fits(key, value, headers)
