"""Dead letters: which headers they have, and what is kept of a record that no topic takes whole."""

from typing import Any, NamedTuple

import pytest

from app import __version__
from app.deadletter import TRUNCATED_BYTES, DeadLetters, Origin, dead_letter_headers
from app.outcome import DEAD_REASONS, Dead, DeadReason
from app.topics import Target

NOW = 1_700_000_000_000_000
ORIGIN = Origin("vendor.fynd.users", 3, 1207, "fynd")
DEAD = Dead("schema", "$.payload[...].user: expected object")
CONNECT = "__connect.errors."


class Record(NamedTuple):
    value: bytes | None
    key: bytes | None = b"key"
    headers: tuple[tuple[str, bytes | None], ...] = ()
    timestamp: int = 1_600_000_000_000
    offset: int = 1207


class Producer:
    """Keeps what is appended."""

    def __init__(self) -> None:
        self.appended: list[dict[str, Any]] = []

    def append(self, topic: str, partition: int, key: bytes | None, value: bytes | None, **more: Any) -> None:
        record = {"topic": topic, "partition": partition, "key": key, "value": value}
        self.appended.append(record | more)


def letter(record: Record, *, largest: int = 1 << 20, partitions: int = 2) -> dict[str, Any]:
    producer = Producer()
    letters = DeadLetters(producer, Target("dead", partitions, largest), "rollcall")  # type: ignore[arg-type]
    letters.append(record, ORIGIN, DEAD)
    (appended,) = producer.appended
    return appended


def headers_of(original: list[tuple[str, bytes | None]], dead: Dead = DEAD) -> list[tuple[str, bytes | None]]:
    return dead_letter_headers(original, ORIGIN, dead, app_id="crew", now=NOW)


def test_the_headers_say_where_the_record_was_and_what_was_wrong() -> None:
    assert dict(headers_of([])) == {
        f"{CONNECT}topic": b"vendor.fynd.users",
        f"{CONNECT}partition": b"3",
        f"{CONNECT}offset": b"1207",
        f"{CONNECT}connector.name": b"crew",
        f"{CONNECT}task.id": b"0",
        f"{CONNECT}stage": b"TRANSFORMATION",
        f"{CONNECT}class.name": b"rollcall.fynd",
        f"{CONNECT}exception.class.name": b"rollcall.schema",
        f"{CONNECT}exception.message": DEAD.detail.encode(),
        "x-reason": b"schema",
        "x-detail": DEAD.detail.encode(),
        "x-vendor": b"fynd",
        "x-attempt": b"1",
        "x-first-failed-at": b"2023-11-14T22:13:20.000000Z",
        "x-worker-version": __version__.encode(),
    }


@pytest.mark.parametrize("reason", DEAD_REASONS)
def test_the_stage_is_where_the_record_failed(reason: DeadReason) -> None:
    stage = dict(headers_of([], Dead(reason, "")))[f"{CONNECT}stage"]
    assert stage == (b"VALUE_CONVERTER" if reason in {"not_json", "too_large"} else b"TRANSFORMATION")


def test_original_headers_come_first_as_they_were() -> None:
    original = [("tenant", b"acme"), ("twice", b"1"), ("twice", None), ("X-Reason", b"theirs"), ("", b"\xff")]
    assert headers_of(original)[: len(original)] == original


def test_a_second_failure_counts_on_and_keeps_the_first_time() -> None:
    first = headers_of([("tenant", b"acme")])
    second = dead_letter_headers(first, ORIGIN, DEAD, app_id="crew", now=NOW + 5_000_000)
    assert [name for name, _ in second] == [name for name, _ in first]
    assert {name: value for name, value in second if (name, value) not in first} == {"x-attempt": b"2"}


def test_a_truncated_mark_of_before_is_no_mark_of_now() -> None:
    assert "x-truncated" not in dict(headers_of([("x-truncated", b"true")]))


@pytest.mark.parametrize("attempt", [b"", b"-1", b"many", b"1e3", b"9" * 5000, b"\xff", None])
def test_an_attempt_that_is_no_count_starts_anew(attempt: bytes | None) -> None:
    assert dict(headers_of([("x-attempt", attempt)]))["x-attempt"] == b"1"


@pytest.mark.parametrize("time", [b"", None])
def test_an_empty_time_of_the_first_failure_is_none(time: bytes | None) -> None:
    found = dict(headers_of([("x-first-failed-at", time)]))
    assert found["x-first-failed-at"] == b"2023-11-14T22:13:20.000000Z"


def test_the_letter_has_the_records_own_key_bytes_and_time() -> None:
    found = letter(Record(b"{nope"))
    assert (found["topic"], found["key"], found["value"]) == ("dead", b"key", b"{nope")
    assert found["timestamp_ms"] == 1_600_000_000_000
    assert letter(Record(None, timestamp=-1))["timestamp_ms"] == 0


def test_a_key_has_its_partition_and_no_key_its_sources() -> None:
    placed = {letter(Record(b"", key=b"k%d" % number), partitions=7)["partition"] for number in range(100)}
    assert placed == set(range(7))
    assert letter(Record(b"", key=None), partitions=7)["partition"] == 3
    assert letter(Record(b"", key=None), partitions=2)["partition"] == 1


def test_of_what_the_topic_does_not_take_the_beginning_is_kept() -> None:
    value = bytes(range(256)) * 1024
    found = letter(Record(value), largest=100_000)
    assert found["value"] == value[:TRUNCATED_BYTES]
    assert found["headers"][-1] == ("x-truncated", b"true")


def test_headers_count_for_what_the_topic_takes() -> None:
    headers = (("h", b"v" * 60_000),)
    assert letter(Record(b"v" * 40_000, headers=headers), largest=200_000)["value"] == b"v" * 40_000
    cut = letter(Record(b"v" * 190_000, headers=headers), largest=200_000)
    assert len(cut["value"]) == TRUNCATED_BYTES
    assert letter(Record(None, headers=headers), largest=1_000)["value"] is None
