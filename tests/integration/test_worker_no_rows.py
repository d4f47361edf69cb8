"""Another program has written into a changelog, or into a wrong partition: a real worker on a real Kafka
starts, repairs the log, and goes on with the next event of that user."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from app.engine import EXIT_PROTECT
from app.engine.producer.partitioner import partition_of
from tests.integration.recount import header, position_of
from tests.integration.worker import NOT_EXPELLED, Site
from tests.kafka import (
    Record,
    ToSend,
    add_partitions,
    consume_all,
    create_topics,
    end_offsets,
    members,
    produce,
    set_config,
)
from tests.state.no_rows import LATER, NOT_JSON, ROWS, SCHEMA, Table, changed
from tests.waiting import wait_until

pytestmark = pytest.mark.untraced

PARTITIONS = 3
TABLES: tuple[Table, Table] = ("users", "loyalty")


@pytest.fixture
def site(broker: str, unique: Callable[[str], str], tmp_path: Path) -> Site:
    site = Site(broker, unique, tmp_path, **NOT_EXPELLED)
    settings = site.settings
    site.create_vendor_topics()
    create_topics(broker, {settings.topic_events: PARTITIONS}, message_timestamp_after_max_ms=str(2**63 - 1))
    create_topics(broker, {settings.topic_dead_letter: PARTITIONS})
    create_topics(broker, dict.fromkeys(settings.changelogs, PARTITIONS), cleanup_policy="compact")
    return site


def logs(site: Site) -> Mapping[Table, str]:
    return dict(zip(TABLES, site.settings.changelogs, strict=True))


def key_of(sub: str) -> bytes:
    return f"magine/acme/{sub}".encode()


def row_of(table: Table, sub: str) -> bytes:
    return changed(ROWS[table], sub=sub)


def elsewhere(key: bytes) -> int:
    return (partition_of(key, PARTITIONS) + 1) % PARTITIONS


def score_of(sub: str, number: int = 1) -> ToSend:
    """Returns a record with an event that needs both rows of a user."""
    event = {
        "specversion": "1.0",
        "id": f"user.score_updated:{number}",
        "source": "/vendors/magine/acme",
        "type": "user.score_updated",
        "time": "2024-01-01T00:00:30.000000Z",
        "partitionkey": f"magine/acme/{sub}",
        "vendor": "magine",
        "tenant": "acme",
        "data": {
            "snapshot": "partial",
            "user": {"sub": sub, "nickname": "N"},
            "score": {"delta": 1, "balance": number},
        },
    }
    return ToSend(key_of(sub), json.dumps(event).encode())


def last_record(site: Site, table: Table, key: bytes, partition: int | None = None) -> Record:
    at = partition_of(key, PARTITIONS) if partition is None else partition
    records = consume_all(site.broker, logs(site)[table])
    return [record for record in records if (record.key, record.partition) == (key, at)][-1]


def dead_letters(site: Site) -> dict[tuple[str, int, int], Record]:
    found = consume_all(site.broker, site.settings.topic_dead_letter)
    by_position = {position_of(dead_letter): dead_letter for dead_letter in found}
    assert len(by_position) == len(found), "a record has several dead letters"
    return by_position


def ends(site: Site) -> dict[str, dict[int, int]]:
    topics = [site.settings.topic_dead_letter, site.settings.topic_events, *site.settings.changelogs]
    return {topic: end_offsets(site.broker, topic) for topic in topics}


def lagging(site: Site) -> set[int]:
    """Returns the partitions of the canonical topic of which not everything is committed."""
    commits, ended = site.lag().get(site.settings.topic_events, ({}, {}))
    return {partition for partition, end in ended.items() if commits.get(partition) != end}


def write_all_garbage(site: Site, table: Table) -> dict[tuple[str, int, int], tuple[str, bytes, bytes, str]]:
    """Writes garbage of every kind, each under its own key: alone, after a row, before a row, before a
    tombstone. Returns sub, key, value and reason of each by its position."""
    records: list[ToSend] = []
    garbage: dict[int, tuple[str, bytes, bytes, str]] = {}
    kinds = [(value, "not_json") for value in NOT_JSON[table].values()]
    kinds += [(value, "schema") for value in SCHEMA[table].values()]
    for number, (value, reason) in enumerate(kinds):
        for shape in ("alone", "over a row", "under a row", "under a tombstone"):
            sub = f"{number}-{shape}"
            key, row = key_of(sub), row_of(table, sub)
            if shape == "over a row":
                records.append(ToSend(key, row))
            garbage[len(records)] = (sub, key, value, reason)
            records.append(ToSend(key, value))
            if shape.startswith("under"):
                records.append(ToSend(key, row if shape == "under a row" else None))
    topic = logs(site)[table]
    positions = produce(site.broker, topic, records)
    return {(topic, *positions[index]): each for index, each in garbage.items()}


@pytest.mark.parametrize("table", TABLES)
def test_a_start_heals_a_log_with_garbage_of_every_kind(site: Site, table: Table) -> None:
    garbage = write_all_garbage(site, table)
    subs = [sub for sub, *_ in garbage.values()]
    with site.worker() as worker:
        worker.wait_ready()
        found = dead_letters(site)
        assert found.keys() == garbage.keys()
        for position, (_, key, value, reason) in garbage.items():
            dead_letter = found[position]
            assert (dead_letter.key, dead_letter.value) == (key, value)
            assert (header(dead_letter, "x-vendor"), header(dead_letter, "x-reason")) == ("changelog", reason)
            detail = header(dead_letter, "x-detail")
            assert detail is not None
            assert not any(secret in detail for secret in ("PII", "sunny", "yesterday"))
        last = {record.key: record.value for record in consume_all(site.broker, logs(site)[table])}
        for sub in subs:
            there = sub.endswith(("over a row", "under a row"))
            assert last[key_of(sub)] == (row_of(table, sub) if there else None)
        assert worker.metric("rollcall_changelog_records_skipped_total", "table", "kind") == {
            (table, "garbage"): len(garbage)
        }
        # The next event of each of these users ends no worker.
        produce(site.broker, site.settings.topic_events, [score_of(sub) for sub in subs])
        site.wait_at_rest()
        assert worker.metric("rollcall_table_effects_total", "effect") == {("changed",): len(subs)}
        worker.stop()
    for each in TABLES:
        last = {record.key: record.value for record in consume_all(site.broker, logs(site)[each])}
        assert all(json.loads(last[key_of(sub)] or b"null")["sub"] == sub for sub in subs)
    before = ends(site)
    with site.worker() as worker:
        worker.wait_ready()
        assert worker.metric("rollcall_changelog_records_skipped_total", "kind") == {}
        worker.stop()
    assert ends(site) == before, "a second start finds nothing"


@pytest.mark.parametrize("table", TABLES)
def test_a_log_whose_last_version_of_a_worker_is_no_row_is_read_again(site: Site, table: Table) -> None:
    """A restore judges only the last of the versions that one worker wrote."""
    damage = {"users": {"as_of": "1"}, "loyalty": {"entries": "1"}}[table]
    records = []
    for sub in ("1", "2", "3"):
        row = row_of(table, sub)
        # The last one, of user 3, would be passed over if the others did not make the worker read again.
        values = [row, changed(row, **damage), *([row] if sub == "3" else [])]
        records += [ToSend(key_of(sub), value, [("changed", b"*")]) for value in values]
    positions = produce(site.broker, logs(site)[table], records)
    with site.worker() as worker:
        worker.wait_ready()
        assert dead_letters(site).keys() == {(logs(site)[table], *positions[index]) for index in (1, 3, 5)}
        for sub in ("1", "2", "3"):
            assert last_record(site, table, key_of(sub)).value == row_of(table, sub)
        assert "the changelogs are read again" in worker.stderr()
        worker.stop()


@pytest.mark.parametrize("table", TABLES)
def test_a_running_worker_heals_its_log(site: Site, table: Table) -> None:
    topic, events = logs(site)[table], site.settings.topic_events
    with site.worker() as worker:
        worker.wait_ready()
        produce(site.broker, events, [score_of("1"), score_of("2")])
        site.wait_at_rest()
        values = [b"{", b"{}", *[changed(ROWS[table], sub="PII")]]
        written = [ToSend(key_of(sub), value) for sub in ("1", "3") for value in values]
        written.append(ToSend(key_of("4"), row_of(table, "4")))
        garbage = [(topic, *position) for position in produce(site.broker, topic, written)[:6]]
        # The worker sees the records of another program by the offset of its own next write.
        produce(site.broker, events, [score_of(str(number), 2) for number in range(1, 20) if number != 3])
        wait_until(lambda: dead_letters(site).keys() == set(garbage), "the dead letters of the garbage")
        wait_until(
            lambda: last_record(site, table, key_of("3")).value is None, "a tombstone over the garbage"
        )
        site.wait_at_rest()
        assert {header(dead_letter, "x-vendor") for dead_letter in dead_letters(site).values()} == {
            "changelog"
        }
        for sub in ("1", "2", "4"):
            assert json.loads(last_record(site, table, key_of(sub)).value or b"null")["sub"] == sub
        produce(site.broker, events, [score_of("3")])
        site.wait_at_rest()
        worker.stop()
    before = dead_letters(site).keys()
    with site.worker() as worker:
        worker.wait_ready()
        assert worker.metric("rollcall_changelog_records_skipped_total", "kind") == {}
        worker.stop()
    assert dead_letters(site).keys() == before


@pytest.mark.parametrize("table", TABLES)
def test_what_stands_in_a_wrong_partition_of_a_changelog(site: Site, table: Table) -> None:
    topic = logs(site)[table]
    row, tombstone, garbage = (key_of(sub) for sub in ("row", "tombstone", "garbage"))
    records = [
        ToSend(row, row_of(table, "row"), [], None, elsewhere(row)),
        ToSend(tombstone, row_of(table, "tombstone")),
        ToSend(tombstone, None, [], None, elsewhere(tombstone)),
        ToSend(garbage, row_of(table, "garbage")),
        ToSend(garbage, b"{}", [], None, elsewhere(garbage)),
        ToSend(None, b"{}", [], None, 0),
    ]
    # A compacted topic takes no record without a key.
    set_config(site.broker, topic, "cleanup.policy", "delete")
    positions = produce(site.broker, topic, records)
    set_config(site.broker, topic, "cleanup.policy", "compact")
    with site.worker() as worker:
        worker.wait_ready()
        assert worker.metric("rollcall_changelog_records_skipped_total", "table", "kind") == {
            (table, "misplaced_row"): 1,
            (table, "misplaced_tombstone"): 1,
            (table, "garbage"): 1,
            (table, "keyless"): 1,
        }
        assert dead_letters(site).keys() == {(topic, *positions[4])}
        worker.stop()
    assert last_record(site, table, row, elsewhere(row)).value == row_of(table, "row")
    assert last_record(site, table, tombstone).value == row_of(table, "tombstone")
    assert last_record(site, table, garbage).value == row_of(table, "garbage")
    assert last_record(site, table, garbage, elsewhere(garbage)).value is None
    assert len(consume_all(site.broker, topic)) == len(records) + 1, "nothing else was written"


@pytest.mark.parametrize(("table", "name"), [(table, name) for table in TABLES for name in LATER[table]])
def test_a_later_versions_row_pauses_its_partition_and_nothing_is_written_there(
    site: Site, table: Table, name: str
) -> None:
    topic = logs(site)[table]
    ((here, offset),) = produce(site.broker, topic, [ToSend(key_of("7"), LATER[table][name])])
    produce(site.broker, topic, [ToSend(key_of("7"), b"{}")])  # garbage that it would otherwise repair
    before = ends(site)
    produce(site.broker, site.settings.topic_events, [score_of(str(number)) for number in range(40)])
    reason = f"events is paused in partition {here}: {topic}/{here}/{offset} is a row of a later version"
    with site.worker() as worker:
        expected = json.dumps([reason])
        wait_until(lambda: f'"problems": {expected}' in worker.get("/readyz")[1], "it is paused")
        wait_until(lambda: lagging(site) == {here}, "the other partitions go on")
        worker.stop()
        assert "sunny" not in worker.stderr()
    after = ends(site)
    changelogs = site.settings.changelogs
    assert [after[log][here] for log in changelogs] == [before[log][here] for log in changelogs]


def test_a_later_versions_row_ends_a_running_worker(site: Site) -> None:
    with site.worker() as worker:
        worker.wait_ready()
        produce(site.broker, site.settings.topic_events, [score_of("7")])
        site.wait_at_rest()
        later = LATER["users"]["an unknown member"]
        (position,) = produce(site.broker, logs(site)["users"], [ToSend(key_of("7"), later)])
        produce(site.broker, site.settings.topic_events, [score_of("7", 2)])
        assert worker.exit_code() == EXIT_PROTECT
        assert (
            f"{logs(site)['users']}/{position[0]}/{position[1]} is a row of a later version"
            in worker.stderr()
        )


def test_a_topic_that_was_given_more_partitions_is_refused_and_left_alone(
    broker: str, unique: Callable[[str], str], tmp_path: Path
) -> None:
    site = Site(broker, unique, tmp_path, PARTITIONS_EVENTS="6", **NOT_EXPELLED)
    settings = site.settings
    with site.worker() as worker:
        worker.wait_ready()
        produce(broker, settings.topic_events, [score_of(str(number)) for number in range(100)])
        site.wait_at_rest()
        worker.stop()
    add_partitions(broker, dict.fromkeys([settings.topic_events, *settings.changelogs], 12))
    # Garbage that it would otherwise repair.
    produce(broker, settings.changelogs[0], [ToSend(key_of("0"), b"{}")])
    before = ends(site)
    for _ in range(2):
        with site.worker(PARTITIONS_EVENTS="12") as worker:
            assert worker.exit_code() == 1
            line = worker.stderr().splitlines()[-1]
        assert line.startswith("rollcall: ")
        assert settings.app_id in line
        assert "partition count was changed" in line
        assert "PARTITIONS_EVENTS" not in line
        assert ends(site) == before
        # So the next start waits for no session.
        assert members(broker, settings.app_id) == 0


def test_canonical_records_in_a_wrong_partition_and_at_impossible_times(site: Site) -> None:
    now = int(time.time() * 1000)
    good = score_of("good")
    late = json.loads(good.value or b"")

    def at(when: str, timestamp: int | None = now) -> ToSend:
        value = json.dumps(late | {"time": when}).encode()
        return ToSend(good.key, value, [("x-original-timestamp", b"4000000000000")], timestamp)

    records = [
        score_of("misplaced")._replace(partition=elsewhere(key_of("misplaced"))),
        at("1999-12-31T23:59:59.999999Z"),
        at("2099-01-01T00:00:00.000000Z"),
        at("2000-01-01T00:00:00.000000Z"),
        good,
    ]
    positions = produce(site.broker, site.settings.topic_events, records)
    with site.worker() as worker:
        worker.wait_ready()
        site.wait_at_rest()
        found = dead_letters(site)
        topic = site.settings.topic_events
        assert {position: header(dead_letter, "x-reason") for position, dead_letter in found.items()} == {
            (topic, *positions[0]): "schema",
            (topic, *positions[1]): "bad_time",
            (topic, *positions[2]): "bad_time",
        }
        assert {header(dead_letter, "x-vendor") for dead_letter in found.values()} == {"canonical"}
        assert worker.metric("rollcall_canonical_records_dead_total", "reason") == {
            ("schema",): 1,
            ("bad_time",): 2,
        }
        worker.stop()
    assert {record.key for record in consume_all(site.broker, logs(site)["users"])} == {good.key}
