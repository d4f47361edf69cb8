"""Each setting of a topic, beside what is expected of it."""

from msgspec.structs import replace

from app.settings import Settings
from app.topic_check import check_topics
from app.topic_settings import TopicSetting, topic_settings
from app.topics import TopicDescription
from tests.test_topics import SETTINGS, topics_of

EVENTS, LETTERS = SETTINGS.topic_events, SETTINGS.topic_dead_letter


def by_name(
    topics: dict[str, TopicDescription], name: str, settings: Settings = SETTINGS
) -> dict[str, TopicSetting]:
    return {each.name: each for each in topic_settings(settings, topics)[name]}


def changed(name: str, **changes: str) -> dict[str, TopicDescription]:
    topics = topics_of(SETTINGS)
    configs = {**topics[name].configs, **{key.replace("_", "."): value for key, value in changes.items()}}
    return {**topics, name: replace(topics[name], configs=configs)}


def test_topics_as_rollcall_creates_them_are_as_expected() -> None:
    found = topic_settings(SETTINGS, topics_of(SETTINGS))
    assert len(found) == 9
    wrong = [each for rows in found.values() for each in rows if each.why or each.verdict != "ok"]
    assert wrong == []
    names = [each.name for each in found[EVENTS]]
    assert names[:2] == ["partitions", "replicas"]
    assert {"cleanup.policy", "max.message.bytes", "retention.ms"} <= set(names)
    assert len(names) == len(set(names))


def test_a_setting_has_the_worst_verdict_and_the_stricter_expectation() -> None:
    for value, verdict in (("1000000", "refuse"), ("2000000", "warn"), ("4194304", "ok")):
        row = by_name(changed(EVENTS, max_message_bytes=value), EVENTS)["max.message.bytes"]
        assert (row.actual, row.expected, row.verdict) == (value, "at least 4194304", verdict)
        assert bool(row.why) == (verdict != "ok")
    assert by_name(changed(EVENTS, cleanup_policy="compact"), EVENTS)["cleanup.policy"].line() == (
        "cleanup.policy=compact, expected exactly delete; refuse: compaction removes events; with `delete`"
        " alone every event is kept for the retention time"
    )


def test_the_number_of_partitions_is_fixed_for_some_topics() -> None:
    topics = {name: replace(topic, partitions=31) for name, topic in topics_of(SETTINGS).items()}
    assert by_name(topics, LETTERS)["partitions"] == TopicSetting("partitions", "31")
    wrong = by_name(topics, EVENTS)["partitions"]
    assert (wrong.expected, wrong.verdict) == ("exactly 6", "refuse")


def test_fewer_replicas_than_those_of_a_new_topic_are_warned_of() -> None:
    settings = replace(SETTINGS, replication_factor=3)
    topics = {name: replace(topic, replicas=3) for name, topic in topics_of(settings).items()}
    assert check_topics(settings, topics) == []
    topics[EVENTS] = replace(topics[EVENTS], replicas=2)
    row = by_name(topics, EVENTS, settings)["replicas"]
    assert (row.actual, row.expected, row.verdict) == ("2", "at least 3", "warn")
    (warning,) = check_topics(settings, topics)
    assert warning.startswith(f"topic {EVENTS} has 2 replicas, fewer than REPLICATION_FACTOR (3): ")


def test_what_could_not_be_read_is_unknown() -> None:
    described = TopicDescription(6, "unknown", 1, problem="not authorized")
    rows = by_name({EVENTS: described}, EVENTS)
    assert rows["retention.ms"].line() == "retention.ms=unknown, expected 2592000000 if Rollcall creates it"
    assert {rows[name].verdict for name in ("cleanup.policy", "retention.ms")} == {"unknown"}
    nothing = topic_settings(SETTINGS, {EVENTS: TopicDescription(0, "unknown", 0, problem="x")})[EVENTS]
    assert {each.verdict for each in nothing} == {"unknown"}
