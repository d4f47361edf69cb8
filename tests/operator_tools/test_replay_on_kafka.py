"""`rollcall replay` brings back what is missing on the canonical topic, and writes the same into a new topic,
over a kill."""

import json
import re
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.integration.recount import assert_tables, last_rows, recount
from tests.integration.worker import NOT_EXPELLED, Site
from tests.kafka import ToSend, consume_all, create_topics, delete_records, produce, topic_names
from tests.tools.bench.bodies import bodies
from tests.transactions import transactions
from tests.waiting import wait_until

PARTITIONS = 3
EVENTS = 200
STOPPED = r"rollcall: stopped: [0-9]+ events are written to mended-.*; the same command goes on from there\n"

pytestmark = pytest.mark.traced


@pytest.fixture
def site(broker: str, unique: Callable[[str], str], tmp_path: Path) -> Site:
    site = Site(broker, unique, tmp_path, VENDORS="magine", **NOT_EXPELLED)
    site.create_vendor_topics()
    return site


def records() -> list[ToSend]:
    made = [
        ToSend(None, body, [("tenant", b"acme")] if number % 2 else [], partition=number % PARTITIONS)
        for number, body in enumerate(bodies("magine", EVENTS, users=50))
    ]
    return [*made, ToSend(None, b"{", partition=0), ToSend(None, None, partition=1)]


def abort(site: Site, topic: str, unique: Callable[[str], str]) -> None:
    # What was never committed has no events; that a log ends with it must not keep a replay from its end.
    with transactions(site.broker, unique("transaction")) as made:
        made.begin(topic, [ToSend(None, next(iter(bodies("magine", 1, first=900))), partition=2)])
        made.abort()


def replay(site: Site, *arguments: str) -> dict[str, Any]:
    done = site.run("replay", "--vendor", "magine", "--json", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def refused(site: Site, *arguments: str) -> str:
    done = site.run("replay", "--vendor", "magine", *arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    return done.stderr


def events_of(site: Site, topic: str) -> list[tuple[Any, ...]]:
    found = consume_all(site.broker, topic)
    return sorted((each.partition, each.key, each.value, tuple(each.headers)) for each in found)


def rows(site: Site) -> list[dict[bytes, bytes]]:
    return [last_rows(site.broker, topic) for topic in site.settings.changelogs]


def test_what_is_missing_comes_back_and_repeats_change_nothing(
    site: Site, unique: Callable[[str], str], tmp_path: Path
) -> None:
    settings = site.settings
    topic, canonical = settings.topic_of("magine"), settings.topic_events
    produce(site.broker, topic, records())
    abort(site, topic, unique)
    expected_counts = {
        "vendor": "magine",
        "topic": topic,
        "into": canonical,
        "records": EVENTS + 2,
        "emit": EVENTS,
        "skip": {"tombstone": 1},
        "dead": {"not_json": 1},
        "events": EVENTS,
        "too_old": 0,
        "refused": {},
    }
    # A dry run needs no topic to write to.
    assert replay(site, "--dry-run") == {**expected_counts, "dry_run": True, "written": 0}
    assert canonical not in topic_names(site.broker)
    assert f"topic {canonical} does not exist" in refused(site)

    with site.worker() as worker:
        worker.wait_ready()
        site.wait_at_rest()
        worker.stop()
    right, right_rows = events_of(site, canonical), rows(site)
    assert len(right) == EVENTS

    # The canonical topic and the rows are lost, and the group has committed.
    lost = Site(site.broker, unique, tmp_path, **{**site.variables, "APP_ID": unique("other")})
    ends = {number: sum(each[0] == number for each in right) for number in range(PARTITIONS)}
    delete_records(site.broker, canonical, ends)
    with lost.worker(VENDORS="fynd") as worker:
        worker.wait_ready()
        assert replay(lost) == {**expected_counts, "dry_run": False, "written": EVENTS}
        wait_until(lambda: rows(lost) == right_rows, "the rows are back")
        assert events_of(lost, canonical) == right
        assert replay(lost)["written"] == EVENTS
        wait_until(lambda: worker.count("rollcall_table_effects_total") == 2 * EVENTS, "all is applied")
        worker.stop()
    assert rows(lost) == right_rows
    assert events_of(lost, canonical) == sorted(right * 2)
    assert_tables(lost)


def test_a_new_topic_gets_the_same_events_over_a_kill(
    site: Site, unique: Callable[[str], str], tmp_path: Path
) -> None:
    settings = site.settings
    topic, into, file = settings.topic_of("magine"), unique("mended"), tmp_path / "progress"
    produce(site.broker, topic, records())
    arguments = ("--into", into, "--progress", str(file))
    start = {str(number): 0 for number in range(PARTITIONS)}
    for number, code in ((signal.SIGINT, 1), (signal.SIGKILL, -signal.SIGKILL)):
        process = site.start("replay", "--vendor", "magine", *arguments, "--rate", "20")
        try:
            wait_until(partial(moved, file, start), "some of it is written")
        finally:
            process.send_signal(number)
            said = process.communicate()[1].decode()
        assert process.returncode == code
        assert bool(re.fullmatch(STOPPED, said)) == (code == 1)
        start = left(file)
    done = sum(left(file).values())
    assert 0 < done < EVENTS
    assert "has records already" in refused(site, "--into", into)
    assert "with other arguments" in refused(site, "--into", into, "--progress", str(file), "--first", "1")
    rest = replay(site, *arguments)
    assert rest["records"] == EVENTS + 2 - done
    assert replay(site, *arguments)["records"] == 0

    found = events_of(site, into)
    # At each end at most one batch, which is as large as the rate, was written and not yet noted.
    assert EVENTS <= len(found) <= EVENTS + 3 * 20
    expected = recount(site).events
    assert {(key, value) for _, key, value, _ in found} == set(expected)
    assert {each.partition for each in consume_all(site.broker, into)} == set(range(PARTITIONS))

    # Events that are older than the grace period could bring back a user whose deletion is forgotten.
    site.variables["GRACE_PERIOD"] = "86400"
    few = ("--into", into, "--append", "--partition", "0", "--end", "10")
    told = site.run("replay", "--vendor", "magine", *few).stdout
    assert f"\n0 events written to {into}\n10 events left out, because they are older than " in told
    some = replay(site, *few, "--allow-old")
    assert (some["written"], some["too_old"]) == (10, 0)

    create_topics(site.broker, {unique("compacted"): PARTITIONS}, cleanup_policy="compact")
    assert "has cleanup.policy=compact, not delete" in refused(site, "--into", unique("compacted"))
    create_topics(site.broker, {unique("narrow"): 1})
    assert "has 1 partitions, not 3" in refused(site, "--into", unique("narrow"))
    file.write_text(json.dumps(json.loads(file.read_text()) | {"left": {"0": [0, 10_000]}}))
    assert "it was made again" in refused(site, *arguments)


def left(file: Path) -> dict[str, int]:
    """Returns the next offset of each partition."""
    return {number: first for number, (first, _end) in json.loads(file.read_text())["left"].items()}


def moved(file: Path, before: dict[str, int]) -> bool:
    return file.exists() and left(file) != before
