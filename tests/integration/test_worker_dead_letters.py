"""Dead letters of every kind: of redriven records, of canonical records, truncated ones, and of events that
are too large."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.engine import EXIT_PROTECT
from tests.integration.recount import (
    CONNECT,
    CONTENT_TYPE,
    DeadRecord,
    assert_canonical,
    assert_everything,
    assert_order,
    assert_our_headers,
    assert_tables,
    header,
    position_of,
    recount,
)
from tests.integration.worker import NOT_EXPELLED, Site, WorkerProcess
from tests.kafka import Headers, Record, ToSend, committed, consume_all, create_topics, produce, set_config
from tests.tools.bench.bodies import bodies
from tests.waiting import wait_until

pytestmark = [pytest.mark.traced, pytest.mark.untraced]  # its workers are, the test itself is not

KIB = 1 << 10
# The check at the start would refuse topics with such small limits.
UNCHECKED = ("tests.integration.unchecked_worker",)
DAY_MS = 86_400_000
# The escaped text is three times as long.
TENANT: Headers = [("tenant", b"/" * 1000)]


@pytest.fixture
def site(each_broker: str, unique: Callable[[str], str], tmp_path: Path) -> Site:
    site = Site(each_broker, unique, tmp_path, **NOT_EXPELLED)
    # Some records have old timestamps, and the retention of `stock` would delete them before a slow worker
    # has read them.
    site.create_vendor_topics(max_message_bytes=str(4096 * KIB), retention_ms="-1")
    return site


@pytest.fixture
def worker(site: Site) -> Iterator[WorkerProcess]:
    with site.worker() as worker:
        yield worker.wait_ready()
        worker.stop()


def dead_letters_of(site: Site) -> list[Record]:
    return consume_all(site.broker, site.settings.topic_dead_letter)


def wait_for_dead_letters(site: Site, count: int) -> list[Record]:
    wait_until(lambda: len(dead_letters_of(site)) >= count, f"{count} dead letters")
    return sorted(
        dead_letters_of(site),
        key=lambda dead_letter: (header(dead_letter, "x-attempt"), position_of(dead_letter)),
    )


def test_a_redriven_dead_letter_counts_its_attempts(site: Site, worker: WorkerProcess) -> None:
    topic = site.settings.topic_of("magine")
    own = [("tenant", b"acme"), ("empty", None), ("twice", b"1"), ("twice", b"\xff")]
    produce(site.broker, topic, [ToSend(b"key", b"{nope", own, 1_700_000_000_000, 0)])
    (first,) = wait_for_dead_letters(site, 1)
    produce(site.broker, topic, [ToSend(first.key, first.value, first.headers, None, 1)])
    _, second = wait_for_dead_letters(site, 2)
    produce(site.broker, topic, [ToSend(second.key, second.value, second.headers, None, 2)])
    _, _, third = wait_for_dead_letters(site, 3)
    for attempt, dead_letter in enumerate((first, second, third), 1):
        assert header(dead_letter, "x-attempt") == str(attempt)
        assert header(dead_letter, "x-first-failed-at") == header(first, "x-first-failed-at")
        assert position_of(dead_letter) == (topic, attempt - 1, 0)
        assert dead_letter.headers[: len(own)] == own
        assert sorted(name for name, _ in dead_letter.headers) == sorted(name for name, _ in first.headers)
        assert (dead_letter.key, dead_letter.value) == (b"key", b"{nope")
        assert header(dead_letter, "x-original-timestamp") == "1700000000000"
        assert dead_letter.timestamp > 1_750_000_000_000, "the time of writing"


def test_headers_that_only_look_like_ours_are_replaced(site: Site, worker: WorkerProcess) -> None:
    own = [("x-attempt", b"many"), ("x-reason", b"\xff"), ("x-first-failed-at", None), ("x-vendor", b"")]
    produce(site.broker, site.settings.topic_of("fynd"), [ToSend(b"key", b"{nope", [*own, *own])])
    (dead_letter,) = wait_for_dead_letters(site, 1)
    (record,) = consume_all(site.broker, site.settings.topic_of("fynd"))
    dead = DeadRecord(record, "fynd", "not_json", "$: expected JSON")
    assert_our_headers(dead_letter.headers, position_of(dead_letter), site, dead)


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
    positions = produce(site.broker, events, wrong)
    site.wait_at_rest()
    found = {position_of(dead_letter): dead_letter for dead_letter in dead_letters_of(site)}
    assert len(found) == len(wrong)
    records = {(each.partition, each.offset): each for each in consume_all(site.broker, events)}
    for (partition, offset), sent in zip(positions, wrong, strict=True):
        dead_letter = found[events, partition, offset]
        assert (dead_letter.key, dead_letter.value) == (sent.key, sent.value)
        assert dead_letter.headers[: len(sent.headers)] == sent.headers
        reason, detail = header(dead_letter, "x-reason") or "", header(dead_letter, "x-detail") or ""
        assert reason == "schema"
        dead = DeadRecord(records[partition, offset], "canonical", reason, detail)
        assert_our_headers(dead_letter.headers[len(sent.headers) :], position_of(dead_letter), site, dead)
    assert worker.count("rollcall_canonical_records_dead_total") == len(wrong)
    # Another producer repeats the same events, which changes nothing.
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
    large, small = sorted(dead_letters_of(site), key=lambda dead_letter: dead_letter.key or b"")
    assert (large.value, header(large, "x-truncated")) == (value[: 64 * KIB], "true")
    assert (header(large, "x-original-timestamp"), header(large, "own")) == ("1700000000000", "1")
    assert header(large, CONNECT + "topic") == settings.topic_of("magine")
    assert (small.value, header(small, "x-truncated")) == (b"{nope", None)


def test_whatever_is_too_large_of_a_record_a_dead_letter_is_written(site: Site) -> None:
    """The producer's own limit and the broker's are handled alike: a record that its topic takes, but that
    our producer would not send, becomes a dead letter, too."""
    settings, mib = site.settings, 1024 * KIB
    topic, limit = settings.topic_of("fynd"), str(60 * mib)
    set_config(site.broker, topic, "max.message.bytes", limit)
    create_topics(site.broker, {settings.topic_dead_letter: 2}, max_message_bytes=limit)
    records = [
        ToSend(b"body", b"{" * (20 * mib)),
        ToSend(b"k" * (20 * mib), b"{"),
        ToSend(b"headers", b"{", [("own", b"h" * (20 * mib)), ("tenant", b"acme")]),
        ToSend(b"name", b"{", [("n" * (20 * mib), b""), ("tenant", b"acme")]),
        ToSend(b"all", b"{" * (7 * mib), [("own", b"h" * (7 * mib)), ("n" * (7 * mib), None)]),
        ToSend(b"many", b"{", [(f"h{number}", b"v") for number in range(10_000)]),
        ToSend(b"longname", b"{", [("n" * mib, b"v")]),
        ToSend(b"last", b"{"),
    ]
    with site.worker() as worker:
        worker.wait_ready()
        positions = [produce(site.broker, topic, [record])[0] for record in records]
        site.wait_at_rest()
        assert worker.metric("rollcall_records_received_total", "vendor") == {("fynd",): len(records)}
        worker.stop()
    found = {position_of(dead_letter): dead_letter for dead_letter in dead_letters_of(site)}
    whole = {b"many", b"longname", b"last"}
    for record, (partition, offset) in zip(records, positions, strict=True):
        dead_letter = found[topic, partition, offset]
        assert (header(dead_letter, "x-truncated") is None) is (record.key in whole)
        assert dead_letter.value == (record.value or b"")[: 64 * KIB]
        assert dead_letter.key == (record.key or b"")[: 64 * KIB]
        names = [name for name, _ in dead_letter.headers]
        assert ("tenant" in names) is ("tenant" in dict(record.headers))


def test_a_limit_that_is_lowered_at_run_time_cuts_the_letters(site: Site) -> None:
    settings = site.settings
    topic = settings.topic_of("magine")
    with site.worker() as worker:
        worker.wait_ready()
        set_config(site.broker, settings.topic_dead_letter, "max.message.bytes", str(100 * KIB))
        sizes = [1, 200, 1, 1, 300, 1]
        records = [ToSend(b"key", b"{" * size * KIB, [], None, 0) for size in sizes]
        produce(site.broker, topic, records)
        site.wait_at_rest()
        dead_letters = dead_letters_of(site)
        assert [len(dead_letter.value or b"") for dead_letter in dead_letters] == [
            min(size, 64) * KIB for size in sizes
        ]
        assert [header(dead_letter, "x-truncated") for dead_letter in dead_letters] == [
            "true" if size > 64 else None for size in sizes
        ]
        # A dead letter without any part of the record does not fit either: the topic is wrong, and not a
        # record.
        set_config(site.broker, settings.topic_dead_letter, "max.message.bytes", "100")
        produce(site.broker, topic, [ToSend(b"key", b"{nope", [], None, 0)])
        assert worker.exit_code() == EXIT_PROTECT
        (line,) = [line for line in worker.stderr().splitlines() if "stopping to protect data" in line]
        assert f"a write to {settings.topic_dead_letter} failed: MessageSizeTooLargeError" in line
        assert committed(site.broker, settings.app_id, topic)[0] == len(records)


def test_an_event_that_the_broker_refuses_makes_its_record_a_dead_letter(
    site: Site, worker: WorkerProcess
) -> None:
    settings = site.settings
    topic, good = settings.topic_of("magine"), list(bodies("magine", 7))
    set_config(site.broker, settings.topic_events, "max.message.bytes", str(4 * KIB))
    large = good[0].replace(b'"name": "', b'"name": "' + b"n" * 5000)
    records = [*good[:3], large, *good[3:5], large, *good[5:]]
    produce(site.broker, topic, [ToSend(None, body, [], None, 0) for body in records])
    site.wait_at_rest()
    dead_letters = dead_letters_of(site)
    assert sorted(position_of(dead_letter) for dead_letter in dead_letters) == [(topic, 0, 3), (topic, 0, 6)]
    assert {header(dead_letter, "x-reason") for dead_letter in dead_letters} == {"too_large"}
    assert {dead_letter.value for dead_letter in dead_letters} == {large}
    events = consume_all(site.broker, settings.topic_events)
    assert sorted(json.loads(event.value or b"")["origin"] for event in events) == [
        f"{topic}/0/{offset}" for offset in (0, 1, 2, 4, 5, 7, 8)
    ]
    assert_order(events)
    outcomes = worker.metric("rollcall_records_total", "outcome", "reason")
    assert outcomes == {("dead", "too_large"): 2, ("emit", ""): 7}
    assert worker.count("rollcall_canonical_events_total") == 7
    assert_tables(site)


def test_a_message_of_several_users_is_dead_if_one_of_its_events_is_refused(
    site: Site, worker: WorkerProcess
) -> None:
    settings = site.settings
    topic = settings.topic_of("amity")
    set_config(site.broker, settings.topic_events, "max.message.bytes", str(4 * KIB))
    message = json.loads(next(bodies("amity", 1)))
    (user,) = message["data"]["users"]
    message["data"]["users"] = [
        user | {"userId": f"user-{number}", "description": "d" * length}
        for number, length in enumerate((1, 5000, 1, 6000))
    ]
    body = json.dumps(message).encode()
    produce(site.broker, topic, [ToSend(b"key", body, [], None, 0)])
    site.wait_at_rest()
    (dead_letter,) = dead_letters_of(site)
    assert (dead_letter.value, header(dead_letter, "x-reason")) == (body, "too_large")
    # The events before it are correct, and so are the rows that have them.
    events = [json.loads(event.value or b"") for event in consume_all(site.broker, settings.topic_events)]
    assert {event["subject"] for event in events} == {"user-0", "user-2"}
    assert worker.metric("rollcall_records_total", "outcome", "reason") == {("dead", "too_large"): 1}
    assert worker.count("rollcall_records_received_total") == 1
    assert worker.count("rollcall_canonical_events_total") == len(events)
    assert_tables(site)


def test_a_refused_row_ends_the_worker_with_a_line_that_names_topic_and_error(site: Site) -> None:
    settings = site.settings
    changelog = settings.changelogs[0]
    with site.worker() as worker:
        worker.wait_ready()
        set_config(site.broker, changelog, "max.message.bytes", "200")
        produce(
            site.broker, settings.topic_of("magine"), [ToSend(None, body) for body in bodies("magine", 1)]
        )
        assert worker.exit_code() == EXIT_PROTECT
        (line,) = [line for line in worker.stderr().splitlines() if "stopping to protect data" in line]
        assert f"a write to {changelog} failed: MessageSizeTooLargeError" in line
        assert not any(committed(site.broker, settings.app_id, settings.topic_events).values())


def test_a_dead_letter_is_kept_whatever_time_its_record_has(
    stock: str, unique: Callable[[str], str], tmp_path: Path
) -> None:
    site = Site(stock, unique, tmp_path, **NOT_EXPELLED)
    site.create_vendor_topics(retention_ms="-1")
    settings, now = site.settings, time.time_ns() // 1_000_000
    topic = settings.topic_of("magine")
    # The retention that a topic has by Kafka's defaults.
    week = {"retention_ms": str(7 * DAY_MS)}
    control = unique("control")
    create_topics(site.broker, {settings.topic_dead_letter: 2, control: 2}, **week)
    times = [now - 8 * DAY_MS, 1, now + 2 * 3_600_000, None]
    with site.worker() as worker:
        worker.wait_ready()
        produce(site.broker, topic, [ToSend(b"%d" % index, b"{", [], at) for index, at in enumerate(times)])
        site.wait_at_rest()
        worker.stop()
    dead_letters = {dead_letter.key: dead_letter for dead_letter in dead_letters_of(site)}
    assert len(dead_letters) == len(times)
    for record in consume_all(site.broker, topic):
        assert header(dead_letters[record.key], "x-original-timestamp") == str(record.timestamp)
    # The broker deletes a record with an old time, which shows that its retention has run meanwhile.
    produce(site.broker, control, [ToSend(b"old", b"{", [], now - 8 * DAY_MS)])
    wait_until(lambda: not consume_all(site.broker, control), "the broker deletes what is old")
    assert {dead_letter.key for dead_letter in dead_letters_of(site)} == set(dead_letters)


def test_trace_headers_and_no_others_go_on_to_the_canonical_event(site: Site, worker: WorkerProcess) -> None:
    trace = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    cases: list[tuple[Headers, Headers]] = [
        ([], []),
        ([("tenant", b"acme"), ("x-other", b"1")], []),
        ([("traceparent", trace)], [("traceparent", trace)]),
        ([("tracestate", b"a=1"), ("TraceParent", trace)], [("traceparent", trace), ("tracestate", b"a=1")]),
        ([("traceparent", b"old"), ("traceparent", trace)], [("traceparent", trace)]),
        ([("traceparent", trace), ("traceparent", b"")], []),
        ([("traceparent", None)], []),
        ([("traceparent", b"\xff")], []),
        ([("tracestate", b"x" * 100_000)], []),
    ]
    topic = site.settings.topic_of("amity")
    sent = [
        ToSend(None, body, headers, None, 0)
        for body, (headers, _) in zip(bodies("amity", len(cases)), cases, strict=True)
    ]
    produce(site.broker, topic, sent)
    site.wait_at_rest()
    events: dict[int, list[Headers]] = {}
    for event in consume_all(site.broker, site.settings.topic_events):
        offset = int(json.loads(event.value or b"")["origin"].rpartition("/")[2])
        events.setdefault(offset, []).append(event.headers)
    for offset, (_, expected) in enumerate(cases):
        assert events[offset]
        assert all(headers == [CONTENT_TYPE, *expected] for headers in events[offset])


def test_an_event_too_large_for_the_canonical_topic_is_a_dead_letter(site: Site) -> None:
    settings = site.settings
    create_topics(site.broker, {settings.topic_events: 3}, max_message_bytes=str(4 * KIB))
    topic, good = settings.topic_of("magine"), next(bodies("magine", 1))
    large = good.replace(b'"name": "', b'"name": "' + b"n" * 5000)
    assert len(large) > 5000
    with site.worker(UNCHECKED) as worker:
        worker.wait_ready()
        # A small body can become a large event, which has the escaped tenant twice, and in its key.
        records = [ToSend(b"large", large), ToSend(b"tenant", good, TENANT), ToSend(b"good", good)]
        produce(site.broker, topic, records)
        site.wait_at_rest()
        reasons = worker.metric("rollcall_records_total", "outcome", "reason")
        assert reasons == {("dead", "too_large"): 2, ("emit", ""): 1}
        worker.stop()
    found = {dead_letter.key: dead_letter for dead_letter in dead_letters_of(site)}
    assert {key: dead_letter.value for key, dead_letter in found.items()} == {
        b"large": large,
        b"tenant": good,
    }
    assert {header(dead_letter, "x-reason") for dead_letter in found.values()} == {"too_large"}
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
        (dead_letter,) = dead_letters_of(site)
        assert (header(dead_letter, "x-vendor"), header(dead_letter, "x-reason")) == (
            "canonical",
            "too_large",
        )
        assert worker.metric("rollcall_table_rows", "table") == {("users",): 1}
        worker.stop()
    assert_canonical(site, recount(site))
