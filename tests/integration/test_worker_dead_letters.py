"""Dead letters of every kind: redriven, of the canonical topic, cut, and of events that are too large."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.lane import EXIT_PROTECT
from tests.bench.bodies import bodies
from tests.integration.recount import (
    CONNECT,
    DeadRecord,
    assert_canonical,
    assert_everything,
    assert_our_headers,
    assert_tables,
    header,
    place_of,
    recount,
)
from tests.integration.worker import Site, WorkerProcess
from tests.kafka import Headers, Record, ToSend, committed, consume_all, create_topics, produce
from tests.waiting import wait_until

KIB = 1 << 10
# Topics with limits so small are refused at the start.
UNCHECKED = ("tests.integration.unchecked_worker",)
TENANT: Headers = [("tenant", b"t" * 3000)]


@pytest.fixture
def site(broker: str, unique: Callable[[str], str], tmp_path: Path) -> Site:
    site = Site(broker, unique, tmp_path)
    site.create_vendor_topics(max_message_bytes=str(4096 * KIB))
    return site


@pytest.fixture
def worker(site: Site) -> Iterator[WorkerProcess]:
    with site.worker() as worker:
        yield worker.wait_ready()
        worker.stop()


def letters_of(site: Site) -> list[Record]:
    return consume_all(site.broker, site.settings.topic_dead_letter)


def wait_for_letters(site: Site, count: int) -> list[Record]:
    wait_until(lambda: len(letters_of(site)) >= count, f"{count} dead letters")
    return sorted(letters_of(site), key=lambda letter: (header(letter, "x-attempt"), place_of(letter)))


def test_a_redriven_dead_letter_counts_its_attempts(site: Site, worker: WorkerProcess) -> None:
    topic = site.settings.topic_of("magine")
    own = [("tenant", b"acme"), ("empty", None), ("twice", b"1"), ("twice", b"\xff")]
    produce(site.broker, topic, [ToSend(b"key", b"{nope", own, 1_700_000_000_000, 0)])
    (first,) = wait_for_letters(site, 1)
    produce(site.broker, topic, [ToSend(first.key, first.value, first.headers, first.timestamp, 1)])
    _, second = wait_for_letters(site, 2)
    produce(site.broker, topic, [ToSend(second.key, second.value, second.headers, second.timestamp, 2)])
    _, _, third = wait_for_letters(site, 3)
    for attempt, letter in enumerate((first, second, third), 1):
        assert header(letter, "x-attempt") == str(attempt)
        assert header(letter, "x-first-failed-at") == header(first, "x-first-failed-at")
        assert place_of(letter) == (topic, attempt - 1, 0)
        assert letter.headers[: len(own)] == own
        assert sorted(name for name, _ in letter.headers) == sorted(name for name, _ in first.headers)
        assert (letter.key, letter.value, letter.timestamp) == (b"key", b"{nope", 1_700_000_000_000)


def test_headers_that_only_look_like_ours_are_replaced(site: Site, worker: WorkerProcess) -> None:
    own = [("x-attempt", b"many"), ("x-reason", b"\xff"), ("x-first-failed-at", None), ("x-vendor", b"")]
    produce(site.broker, site.settings.topic_of("fynd"), [ToSend(b"key", b"{nope", [*own, *own])])
    (letter,) = wait_for_letters(site, 1)
    dead = DeadRecord(letter, "fynd", "not_json", "$: expected JSON")
    assert_our_headers(letter.headers, place_of(letter), site, dead)


def test_what_is_no_canonical_event_is_dead_and_the_rest_is_applied(
    site: Site, worker: WorkerProcess
) -> None:
    produce(site.broker, site.settings.topic_of("amity"), [(None, body) for body in bodies("amity", 10)])
    site.wait_at_rest()
    events = site.settings.topic_events
    good = next(record for record in consume_all(site.broker, events) if record.value)
    wrong = [
        ToSend(good.key, b"{nope", [("trace", b"1"), ("none", None)], 1_700_000_000_000),
        ToSend(good.key, None),
        ToSend(good.key, b""),
        ToSend(good.key, b"[" * 100_000),
        ToSend(good.key, b"\xff"),
        ToSend(good.key, (good.value or b"").replace(b'"specversion":"1.0"', b'"specversion":"2.0"')),
        ToSend(good.key, (good.value or b"").replace(b'"time":"2', b'"time":"x')),
        ToSend(b"another/key", good.value),
        ToSend(None, good.value),
    ]
    places = produce(site.broker, events, wrong)
    site.wait_at_rest()
    found = {place_of(letter): letter for letter in letters_of(site)}
    assert len(found) == len(wrong)
    for (partition, offset), sent in zip(places, wrong, strict=True):
        letter = found[events, partition, offset]
        assert (letter.key, letter.value) == (sent.key, sent.value)
        assert letter.headers[: len(sent.headers)] == sent.headers
        reason, detail = header(letter, "x-reason") or "", header(letter, "x-detail") or ""
        assert reason == "schema"
        dead = DeadRecord(letter, "canonical", reason, detail)
        assert_our_headers(letter.headers[len(sent.headers) :], place_of(letter), site, dead)
    assert worker.count("rollcall_canonical_records_dead_total") == len(wrong)
    # The same events once more, by somebody else: repeats change nothing.
    produce(site.broker, events, [ToSend(good.key, good.value)] * 3)
    site.wait_at_rest()
    assert_tables(site)


def test_a_large_record_is_whole_in_its_dead_letter(site: Site, worker: WorkerProcess) -> None:
    topic = site.settings.topic_of("magine")
    produce(site.broker, topic, [ToSend(b"key", bytes([number]) * 3000 * KIB) for number in range(5)])
    site.wait_at_rest()
    assert assert_everything(site, [worker]).outcomes["magine", "dead", "too_large"] == 5


def test_of_a_record_that_no_dead_letter_can_hold_the_beginning_is_kept(site: Site) -> None:
    settings = site.settings
    create_topics(site.broker, {settings.topic_dead_letter: 2}, max_message_bytes=str(100 * KIB))
    value = bytes(range(256)) * 1024
    with site.worker() as worker:
        worker.wait_ready()
        records = [ToSend(b"large", value, [("own", b"1")], 1_700_000_000_000), ToSend(b"small", b"{nope")]
        produce(site.broker, settings.topic_of("magine"), records)
        site.wait_at_rest()
        worker.stop()
    large, small = sorted(letters_of(site), key=lambda letter: letter.key or b"")
    assert (large.value, header(large, "x-truncated")) == (value[: 64 * KIB], "true")
    assert (large.timestamp, header(large, "own")) == (1_700_000_000_000, "1")
    assert header(large, CONNECT + "topic") == settings.topic_of("magine")
    assert (small.value, header(small, "x-truncated")) == (b"{nope", None)


def test_a_worker_whose_dead_letter_is_refused_stops_and_commits_nothing(site: Site) -> None:
    settings = site.settings
    create_topics(site.broker, {settings.topic_dead_letter: 2}, max_message_bytes=str(10 * KIB))
    topic = settings.topic_of("magine")
    with site.worker(UNCHECKED) as worker:
        worker.wait_ready()
        produce(site.broker, topic, [ToSend(b"key", b"{" * 20 * KIB)])
        assert worker.exit_code() == EXIT_PROTECT
        assert worker.stderr().count("stopping to protect data") == 1
    assert not any(committed(site.broker, settings.app_id, topic).values())


def test_an_event_too_large_for_the_canonical_topic_is_a_dead_letter(site: Site) -> None:
    settings = site.settings
    create_topics(site.broker, {settings.topic_events: 3}, max_message_bytes=str(4 * KIB))
    topic, good = settings.topic_of("magine"), next(bodies("magine", 1))
    large = good.replace(b'"name": "', b'"name": "' + b"n" * 5000)
    assert len(large) > 5000
    with site.worker(UNCHECKED) as worker:
        worker.wait_ready()
        # A small body can make a large event: the tenant stands in it five times.
        records = [ToSend(b"large", large), ToSend(b"tenant", good, TENANT), ToSend(b"good", good)]
        produce(site.broker, topic, records)
        site.wait_at_rest()
        reasons = worker.metric("rollcall_records_total", "outcome", "reason")
        assert reasons == {("dead", "too_large"): 2, ("emit", ""): 1}
        worker.stop()
    found = {letter.key: letter for letter in letters_of(site)}
    assert {key: letter.value for key, letter in found.items()} == {b"large": large, b"tenant": good}
    assert {header(letter, "x-reason") for letter in found.values()} == {"too_large"}
    assert len(consume_all(site.broker, settings.topic_events)) == 1
    assert_tables(site)


def test_a_row_too_large_for_its_changelog_is_a_dead_letter(site: Site) -> None:
    settings = site.settings
    for changelog in settings.changelogs:
        create_topics(site.broker, {changelog: 3}, max_message_bytes=str(4 * KIB), cleanup_policy="compact")
    good = next(bodies("magine", 1))
    with site.worker(UNCHECKED) as worker:
        worker.wait_ready()
        large = good.replace(b'"name": "', b'"name": "' + b"n" * 5000).replace(b"USR", b"BIG")
        produce(site.broker, settings.topic_of("magine"), [(None, large), (None, good)])
        site.wait_at_rest()
        (letter,) = letters_of(site)
        assert (header(letter, "x-vendor"), header(letter, "x-reason")) == ("canonical", "too_large")
        assert worker.metric("rollcall_table_rows", "table") == {("users",): 1}
        worker.stop()
    assert_canonical(site, recount(site))
