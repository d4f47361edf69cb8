"""Topics: what there must be, what stands against it, and what fits into one."""

import pytest
from aiokafka.producer.message_accumulator import BatchBuilder
from hypothesis import given
from hypothesis import strategies as st

from app.settings import Settings, load
from app.topics import Found, Target, TopicsError, check_topics, expected_topics, target
from app.vendors import VENDORS

SETTINGS = Settings()
HEADERS = st.lists(st.tuples(st.text(max_size=40), st.binary(max_size=400) | st.none()), max_size=5)


def found_of(settings: Settings) -> dict[str, Found]:
    """All topics as the contract wants them."""
    topics = expected_topics(settings)
    return {topic.name: Found(topic.partitions, topic.cleanup, 1_048_588) for topic in topics}


def refusal(found: dict[str, Found], settings: Settings = SETTINGS) -> str:
    with pytest.raises(TopicsError) as refused:
        check_topics(settings, found)
    return str(refused.value)


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


def test_topics_as_the_contract_wants_them_pass() -> None:
    check_topics(SETTINGS, found_of(SETTINGS))


def test_all_missing_topics_are_named_on_one_line_with_the_command() -> None:
    said = refusal({})
    assert "\n" not in said
    assert all(topic.name in said for topic in expected_topics(SETTINGS))
    assert "`rollcall topics --create`" in said
    assert "TOPICS_CREATE=true" in said


@pytest.mark.parametrize("name", ["users.events", *SETTINGS.changelogs])
def test_a_partition_count_of_its_own_is_refused(name: str) -> None:
    said = refusal(found_of(SETTINGS) | {name: Found(7, "delete", 1)})
    assert said.startswith(f"topic {name} has 7 partitions, not 6: ")
    assert "PARTITIONS_EVENTS" in said
    assert f"--create --topic {name} --partitions 6" in said


def test_vendor_topics_and_dead_letters_may_have_any_size_and_policy() -> None:
    names = [*(SETTINGS.topic_of(vendor) for vendor in VENDORS), SETTINGS.topic_dead_letter]
    check_topics(SETTINGS, found_of(SETTINGS) | {name: Found(31, "compact,delete", 1) for name in names})


def test_a_changelog_has_to_be_compacted_and_may_be_deleted_besides() -> None:
    name = SETTINGS.changelogs[1]
    said = refusal(found_of(SETTINGS) | {name: Found(6, "delete", 1)})
    assert said.startswith(f"topic {name} has cleanup.policy=delete, not compact: ")
    assert "--add-config cleanup.policy=compact" in said
    check_topics(SETTINGS, found_of(SETTINGS) | {name: Found(6, "compact,delete", 1)})


def test_the_canonical_topic_must_not_be_compacted_only() -> None:
    assert "cleanup.policy=delete" in refusal(found_of(SETTINGS) | {"users.events": Found(6, "compact", 1)})


def test_a_target_is_the_topic_as_it_is_or_as_it_would_be_created() -> None:
    found = found_of(SETTINGS) | {"users.dead-letter": Found(9, "delete", 500)}
    assert target(SETTINGS, "users.dead-letter", found) == Target("users.dead-letter", 9, 500)
    assert target(SETTINGS, "users.dead-letter", None).partitions == 6
    assert target(SETTINGS, "users.dead-letter", None).largest_record > 1 << 20


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
    assert not Target("t", 1, size - 1).takes(key, value, headers)
    assert Target("t", 1, size + 200).takes(key, value, headers)
