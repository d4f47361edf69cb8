"""Checks what must be in the topics: recomputed from the vendor topics by `convert` and `fold` alone."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct

from app import __version__
from app.canonical import InvalidEvent, decode_event, encode_event
from app.outcome import Dead, Emit, Outcome, Skip
from app.state import encode_loyalty, encode_user, fold
from app.times import MICROS_PER_DAY, parse_rfc3339
from app.vendors import VENDORS, convert
from tests.integration.worker import Site, WorkerProcess, added
from tests.kafka import Headers, Record, consume_all, produce

CONTENT_TYPE = ("content-type", b"application/cloudevents+json; charset=UTF-8")
CONNECT = "__connect.errors."

Position = tuple[str, int, int]
"""Topic, partition, offset."""


class DeadRecord(Struct):
    record: Record
    vendor: str
    reason: str
    detail: str


class Recount(Struct):
    """The outcomes of every record in the vendor topics."""

    received: Counter[tuple[str, ...]]
    outcomes: Counter[tuple[str, ...]]
    types: Counter[tuple[str, ...]]
    events: Counter[tuple[bytes, bytes]]
    dead: dict[Position, DeadRecord]


def recount(site: Site) -> Recount:
    found = Recount(Counter(), Counter(), Counter(), Counter(), {})
    for name in site.settings.vendor_names:
        options = site.settings.options_of(name)
        for record in consume_all(site.broker, site.settings.topic_of(name)):
            found.received[name,] += 1
            partition = f"{record.topic}/{record.partition}"
            _add(found, name, record, convert(VENDORS[name], record, partition, options))
    return found


def _add(found: Recount, vendor: str, record: Record, outcome: Outcome) -> None:
    match outcome:
        case Emit(events):
            found.outcomes[vendor, "emit", ""] += 1
            for event in events:
                found.types[vendor, event.type] += 1
                found.events[event.partitionkey.encode(), encode_event(event)] += 1
        case Skip(reason):
            found.outcomes[vendor, "skip", reason] += 1
        case Dead(reason, detail):
            found.outcomes[vendor, "dead", reason] += 1
            position = (record.topic, record.partition, record.offset)
            found.dead[position] = DeadRecord(record, vendor, reason, detail)


def assert_everything(site: Site, workers: Sequence[WorkerProcess] = ()) -> Recount:
    """Checks all promises about a system that is at rest, and returns the recount. `workers`: if they have
    handled everything and still run, their metrics are checked too."""
    expected = recount(site)
    assert_canonical(site, expected)
    dead = expected.dead | too_late(site)
    assert_dead_letters(dead, consume_all(site.broker, site.settings.topic_dead_letter), site)
    assert_tables(site)
    assert not site.lag()
    if workers:
        assert_metrics(workers, expected, len(dead) - len(expected.dead))
    return expected


def too_late(site: Site) -> dict[Position, DeadRecord]:
    """Returns the canonical records whose time is more than two days after their timestamp. Only a vendor's
    record from the future becomes one."""
    found = {}
    for record in consume_all(site.broker, site.settings.topic_events):
        if _is_too_late(record):
            position = (record.topic, record.partition, record.offset)
            detail = "$.time: expected at most two days after the record's timestamp"
            found[position] = DeadRecord(record, "canonical", "bad_time", detail)
    return found


def _is_too_late(record: Record) -> bool:
    micros = parse_rfc3339(json.loads(record.value or b"")["time"])
    return micros is not None and micros > record.timestamp * 1000 + 2 * MICROS_PER_DAY


def assert_canonical(site: Site, expected: Recount, *, repeats: bool = False) -> None:
    """Checks that the canonical topic has exactly the expected events, byte for byte, in the order of their
    sources; each once, or with `repeats` at least once."""
    records = consume_all(site.broker, site.settings.topic_events)
    found = Counter((record.key or b"", record.value or b"") for record in records)
    missing, unknown = expected.events.keys() - found.keys(), found.keys() - expected.events.keys()
    assert (len(missing), len(unknown)) == (0, 0)
    repeated = {key: count for key, count in found.items() if count > expected.events[key]}
    assert repeats or not repeated, f"{len(repeated)} events are there more than once"
    assert {tuple(record.headers) for record in records} <= {(CONTENT_TYPE,)}
    assert_order(records)


def assert_order(records: Iterable[Record]) -> None:
    """Checks that the events of a key have the order that their records have in a source partition."""
    last: dict[tuple[bytes | None, str], tuple[int, str]] = {}
    seen = set()
    for record in records:
        event = json.loads(record.value or b"")
        source, _, offset = event["origin"].rpartition("/")
        identity = (event["source"], event["id"], event["origin"])
        if identity in seen:
            continue
        seen.add(identity)
        position = (int(offset), event["id"].rpartition(".")[2])
        assert position[0] >= last.get((record.key, source), (-1, ""))[0], f"{source} is out of order"
        last[record.key, source] = position


def assert_partitions(site: Site, scratch: str) -> None:
    """Checks that every key is in the partition that librdkafka's own murmur2 chooses, on a topic with the
    same number of partitions."""
    keys = {record.key: record.partition for record in consume_all(site.broker, site.settings.topic_events)}
    placed = produce(site.broker, scratch, [(key, b"") for key in keys])
    assert [partition for partition, _ in placed] == list(keys.values())


def assert_dead_letters(expected: dict[Position, DeadRecord], dead_letters: list[Record], site: Site) -> None:
    """Checks that each dead record has one dead letter as in docs/dead-letters.md, for records that failed
    for the first time."""
    found = {position_of(dead_letter): dead_letter for dead_letter in dead_letters}
    assert len(found) == len(dead_letters), "a record has several dead letters"
    assert found.keys() == expected.keys()
    for position, dead in expected.items():
        dead_letter, original = found[position], dead.record
        assert (dead_letter.key, dead_letter.value) == (original.key, original.value), position
        assert dead_letter.headers[: len(original.headers)] == original.headers, position
        ours = dead_letter.headers[len(original.headers) :]
        assert_our_headers(ours, position, site, dead)
        assert_stamped_with_now(dead_letter)


def assert_our_headers(ours: Headers, position: Position, site: Site, dead: DeadRecord) -> None:
    names = [name for name, _ in ours]
    assert len(names) == len(set(names)), "a header of ours is there twice"
    texts = {name: (value or b"").decode() for name, value in ours}
    failed_at = parse_rfc3339(texts.pop("x-first-failed-at"))
    assert failed_at is not None
    decoding = dead.reason in {"not_json", "too_large"}
    for name in ("class.name", "exception.class.name", "task.id"):
        assert texts.pop(CONNECT + name)
    assert texts == {
        f"{CONNECT}topic": position[0],
        f"{CONNECT}partition": str(position[1]),
        f"{CONNECT}offset": str(position[2]),
        f"{CONNECT}connector.name": site.settings.app_id,
        f"{CONNECT}stage": "VALUE_CONVERTER" if decoding else "TRANSFORMATION",
        f"{CONNECT}exception.message": dead.detail,
        "x-reason": dead.reason,
        "x-detail": dead.detail,
        "x-vendor": dead.vendor,
        "x-attempt": "1",
        "x-original-timestamp": str(recorded(dead)),
        "x-worker-version": __version__,
    }


def recorded(dead: DeadRecord) -> int:
    """Returns the record's timestamp as docs/events.md#timestamp defines it, in milliseconds; -1 if it has
    none."""
    given = [value for name, value in dead.record.headers if name.lower() == "x-original-timestamp"]
    own = (given[-1] or b"").decode("latin-1") if given and dead.vendor in VENDORS else ""
    digits = own.removeprefix("-")
    valid = digits.isascii() and digits.isdigit() and len(digits) <= 15
    return max(int(own) if valid else dead.record.timestamp, -1)


def assert_stamped_with_now(dead_letter: Record) -> None:
    """Checks that the timestamp of the dead letter is the time of writing, and not that of the record, which
    is in a header."""
    failed_at = parse_rfc3339(header(dead_letter, "x-first-failed-at") or "")
    assert failed_at is not None
    assert 0 <= dead_letter.timestamp - failed_at // 1000 < 600_000


def position_of(dead_letter: Record) -> Position:
    """Returns the position of the dead record."""
    topic, partition, offset = (
        header(dead_letter, CONNECT + name) or "" for name in ("topic", "partition", "offset")
    )
    return topic, int(partition), int(offset)


def header(record: Record, name: str) -> str | None:
    """Returns the text of a header, None if it is absent; fails if it is there more than once."""
    values = [value for each, value in record.headers if each == name]
    assert len(values) <= 1, f"{name} is there {len(values)} times"
    return (values[0] or b"").decode() if values else None


def assert_tables(site: Site) -> None:
    """Checks that the last row of each key in both changelogs is what `fold` makes of the canonical topic."""
    events = []
    for record in consume_all(site.broker, site.settings.topic_events):
        try:
            event = decode_event(record.value or b"")
        except InvalidEvent:
            continue
        if not _is_too_late(record):
            events.append(event)
    users, loyalty = {}, {}
    for key, rows in fold(events).items():
        if rows.user is not None:
            users[key.encode()] = encode_user(rows.user)
        if rows.loyalty is not None:
            loyalty[key.encode()] = encode_loyalty(rows.loyalty)
    for topic, expected in zip(site.settings.changelogs, (users, loyalty), strict=True):
        found = last_rows(site.broker, topic)
        assert found.keys() == expected.keys()
        wrong = [key for key, row in found.items() if parsed(row) != parsed(expected[key])]
        assert len(wrong) == 0, f"{len(wrong)} of {len(found)} rows of {topic}"


def last_rows(broker: str, topic: str) -> dict[bytes, bytes]:
    """Returns the last row of each key of a changelog that has one; fails if a key is in two partitions."""
    rows: dict[bytes, bytes | None] = {}
    partitions: dict[bytes, set[int]] = defaultdict(set)
    for record in consume_all(broker, topic):
        rows[record.key or b""] = record.value
        partitions[record.key or b""].add(record.partition)
    assert all(len(each) == 1 for each in partitions.values())
    return {key: row for key, row in rows.items() if row is not None}


def parsed(row: bytes) -> Any:
    """Returns the row as text, in which 1, 1.0 and true differ."""
    return json.dumps(json.loads(row), sort_keys=True)


def assert_metrics(workers: Sequence[WorkerProcess], expected: Recount, not_applied: int) -> None:
    """Checks that all counters have the recounted numbers."""
    received = added(*(worker.metric("rollcall_records_received_total", "vendor") for worker in workers))
    outcomes = added(
        *(worker.metric("rollcall_records_total", "vendor", "outcome", "reason") for worker in workers)
    )
    types = added(*(worker.metric("rollcall_canonical_events_total", "vendor", "type") for worker in workers))
    assert received == expected.received
    assert outcomes == expected.outcomes
    assert types == expected.types
    applied = sum(worker.count("rollcall_table_effects_total") for worker in workers)
    assert applied == sum(expected.events.values()) - not_applied
