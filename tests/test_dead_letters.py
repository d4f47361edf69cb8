"""Dead letters: which headers they have, and what is kept of a record that is too large for the topic."""

from collections.abc import Sequence
from itertools import product
from typing import Any, NamedTuple

import pytest
from aiokafka.producer.message_accumulator import BatchBuilder

from app import __version__
from app.dead_letters import TRUNCATED_BYTES, DeadLetterWriter, SourceRecord, our_headers
from app.engine.producer.refusals import NoAnswer, Refusal, Written
from app.engine.record_batches.open_batches import UnreadRecord
from app.outcome import DEAD_REASONS, Dead, DeadReason
from app.topics import OutputTopic

NOW = 1_700_000_000_000_000
SOURCE = SourceRecord("vendor.fynd.users", 3, 1207, "fynd")
DEAD = Dead("schema", "$.payload[...].user: expected object")
CONNECT = "__connect.errors."


class Record(NamedTuple):
    value: bytes | None
    key: bytes | None = b"key"
    headers: tuple[tuple[str, bytes | None], ...] = ()
    timestamp: int | None = 1_600_000_000_000
    offset: int = 1207


class Producer:
    """Stands in for the producer: it keeps what is appended."""

    def __init__(self) -> None:
        self.appended: list[dict[str, Any]] = []

    def append(self, topic: str, partition: int, key: bytes | None, value: bytes | None, **more: Any) -> None:
        record = {"topic": topic, "partition": partition, "key": key, "value": value}
        self.appended.append(record | more)


Given = Sequence[tuple[str, bytes | None]]


def dead_letter(
    record: Record, *, largest: int = 1 << 20, partitions: int = 2, source: SourceRecord = SOURCE
) -> dict[str, Any]:
    producer = Producer()
    dead_letters = DeadLetterWriter(producer, OutputTopic("dead", partitions, largest), "rollcall")  # type: ignore[arg-type]
    dead_letters.append(record, source, DEAD)  # type: ignore[arg-type]  # a timestamp may be None in the end
    (appended,) = producer.appended
    return appended


def headers_of(
    original: Given,
    dead: Dead = DEAD,
    *,
    source: SourceRecord = SOURCE,
    timestamp: int | None = 5,
    now: int = NOW,
) -> dict[str, bytes | None]:
    record = Record(b"", headers=tuple(original), timestamp=timestamp)
    found = our_headers(record, source, dead, app_id="crew", now=now)  # type: ignore[arg-type]
    assert len(dict(found)) == len(found), "a header of ours is there twice"
    return dict(found)


def test_the_headers_say_where_the_record_was_and_what_was_wrong() -> None:
    assert headers_of([]) == {
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
        "x-original-timestamp": b"5",
        "x-first-failed-at": b"2023-11-14T22:13:20.000000Z",
        "x-worker-version": __version__.encode(),
    }


@pytest.mark.parametrize("reason", DEAD_REASONS)
def test_the_stage_is_where_the_record_failed(reason: DeadReason) -> None:
    stage = headers_of([], Dead(reason, ""))[f"{CONNECT}stage"]
    assert stage == (b"VALUE_CONVERTER" if reason in {"not_json", "too_large"} else b"TRANSFORMATION")


def test_original_headers_come_first_as_they_were_but_for_names_of_ours_in_any_case() -> None:
    original: Given = [("tenant", b"acme"), ("twice", b"1"), ("twice", None), ("Ünï", b"1"), ("", b"\xff")]
    ours = [("X-Reason", b"theirs"), ("x-ATTEMPT", b"7"), (f"{CONNECT}Topic", b"t"), ("X-Truncated", b"x")]
    found = dead_letter(Record(b"", headers=(*original, *ours)))["headers"]
    assert found[: len(original)] == list(original)
    names = [name for name, _ in found[len(original) :]]
    assert sorted(names) == sorted(headers_of([]))


def test_a_second_failure_counts_on_and_keeps_the_first_time() -> None:
    first = dead_letter(Record(b"", headers=(("tenant", b"acme"),)))["headers"]
    second = dead_letter(Record(b"", headers=tuple(first), timestamp=7))["headers"]
    assert [name for name, _ in second] == [name for name, _ in first]
    assert {name: value for name, value in second if (name, value) not in first} == {"x-attempt": b"2"}


@pytest.mark.parametrize(
    ("given", "kafkas", "expected"),
    [
        ([], 5, b"5"),
        ([], 0, b"0"),
        ([], -1, b"-1"),
        ([], -7, b"-1"),
        ([], None, b"-1"),
        ([b"17"], 5, b"17"),
        ([b"17"], None, b"17"),
        ([b"17", b"18"], 5, b"18"),
        ([b"-1"], 5, b"-1"),
        ([b"-2"], 5, b"-1"),
        ([b"0"], 5, b"0"),
        ([b"007"], 5, b"7"),
        ([b"9" * 15], 5, b"9" * 15),
        ([b"17", b""], 5, b"5"),
        ([b"17", None], 5, b"5"),
        *(
            ([text], 5, b"5")
            for text in (b"9" * 16, b"1.5", b"1e3", b" 1", b"+1", b"--1", b"x", b"\xff", b"1\n")
        ),
        ([b"\xd9\xa1"], 5, b"5"),  # the digit 1 in Arabic script
    ],
)
def test_the_original_timestamp_is_the_records(
    given: list[bytes | None], kafkas: int | None, expected: bytes
) -> None:
    headers = [("x-original-timestamp", value) for value in given]
    assert headers_of(headers, timestamp=kafkas)["x-original-timestamp"] == expected
    upper = [("X-Original-Timestamp", value) for value in given]
    assert headers_of(upper, timestamp=kafkas)["x-original-timestamp"] == expected


@pytest.mark.parametrize("vendor", ["canonical", "changelog"])
def test_what_a_worker_wrote_has_kafkas_timestamp(vendor: str) -> None:
    source = SourceRecord("users.events", 3, 1207, vendor)
    given = [("x-original-timestamp", b"17")]
    assert headers_of(given, source=source)["x-original-timestamp"] == b"5"
    assert headers_of(given, source=source, timestamp=None)["x-original-timestamp"] == b"-1"


@pytest.mark.parametrize("name", [*sorted(headers_of([])), "x-truncated", "__connect.errors.other"])
@pytest.mark.parametrize("value", [b"true", b"v" * 900_000])
def test_no_header_that_looks_like_ours_makes_a_letter_larger(name: str, value: bytes) -> None:
    given = [("x-truncated", b"true"), *((CONNECT + part, b"1") for part in ("partition", "offset"))]
    if name not in dict(given):
        given.append((name, value))
    record = Record(b"{", headers=(*given, (name, value)))
    assert size_of(None, None, our_headers(record, SOURCE, DEAD, app_id="crew", now=NOW)) < SMALLEST  # type: ignore[arg-type]


def position(headers: dict[str, bytes | None]) -> tuple[bytes | None, ...]:
    return tuple(headers[CONNECT + name] for name in ("topic", "partition", "offset"))


def test_a_truncated_letter_stays_truncated_and_names_the_whole_original() -> None:
    first = dead_letter(Record(b"v" * 300_000), largest=200_000)
    second = dead_letter(
        Record(first["value"], headers=tuple(first["headers"])),
        source=SourceRecord("vendor.fynd.users", 1, 9, "fynd"),
    )
    third = dead_letter(
        Record(second["value"], headers=tuple(second["headers"])),
        source=SourceRecord("users.events", 0, 1, "canonical"),
    )
    for attempt, each in enumerate((first, second, third), 1):
        headers = dict(each["headers"])
        assert len(headers) == len(each["headers"])
        assert (headers["x-truncated"], headers["x-attempt"]) == (b"true", b"%d" % attempt)
        assert position(headers) == (b"vendor.fynd.users", b"3", b"1207")


@pytest.mark.parametrize(
    "given",
    [
        [("x-truncated", b"true")],
        [("x-truncated", b"true"), (f"{CONNECT}topic", b"t"), (f"{CONNECT}partition", b"0")],
        [("x-truncated", b"true"), *((CONNECT + name, b"x") for name in ("topic", "partition", "offset"))],
        [(CONNECT + name, b"1") for name in ("topic", "partition", "offset")],
        [("x-truncated", b"no"), *((CONNECT + name, b"1") for name in ("topic", "partition", "offset"))],
    ],
)
def test_a_position_that_is_no_ones_is_this_records(given: Given) -> None:
    assert position(headers_of(given)) == (b"vendor.fynd.users", b"3", b"1207")
    assert ("x-truncated" in headers_of(given)) is (dict(given).get("x-truncated") == b"true")


@pytest.mark.parametrize("attempt", [b"", b"-1", b"many", b"1e3", b"9" * 5000, b"\xff", None])
def test_an_attempt_that_is_no_count_starts_anew(attempt: bytes | None) -> None:
    assert headers_of([("x-attempt", attempt)])["x-attempt"] == b"1"


@pytest.mark.parametrize("time", [b"", None, b"yesterday", b"\xff", b"2020-01-01", b"0" * 1_000_000])
def test_a_time_of_the_first_failure_that_is_no_time_is_none(time: bytes | None) -> None:
    found = headers_of([("x-first-failed-at", time)])
    assert found["x-first-failed-at"] == b"2023-11-14T22:13:20.000000Z"


@pytest.mark.parametrize("timestamp", [1_600_000_000_000, -1, 0, None, 2**62])
def test_the_letter_has_the_records_own_key_and_bytes_and_the_time_of_writing(timestamp: int | None) -> None:
    found = dead_letter(Record(b"{nope", timestamp=timestamp))
    assert (found["topic"], found["key"], found["value"]) == ("dead", b"key", b"{nope")
    # No timestamp is given, so the producer uses the time of writing.
    assert found.keys() == {"topic", "partition", "key", "value", "headers", "on_refused"}


def test_a_key_has_its_partition_and_no_key_its_sources() -> None:
    placed = {
        dead_letter(Record(b"", key=b"k%d" % number), partitions=7)["partition"] for number in range(100)
    }
    assert placed == set(range(7))
    assert dead_letter(Record(b"", key=None), partitions=7)["partition"] == 3
    assert dead_letter(Record(b"", key=None), partitions=2)["partition"] == 1


SMALLEST = 3_000
"""In bytes: more than our own headers need."""


def size_of(key: bytes | None, value: bytes | None, headers: Given) -> int:
    """Returns the size of the batch, in bytes, which the broker compares with its limit."""
    batch = BatchBuilder(1 << 30, 0)
    assert batch.append(timestamp=1, key=key, value=value, headers=list(headers)) is not None
    batch.close()
    return len(bytes(batch._build()))


def test_of_what_the_topic_does_not_take_the_beginning_is_kept() -> None:
    value = bytes(range(256)) * 1024
    found = dead_letter(Record(value), largest=100_000)
    assert found["value"] == value[:TRUNCATED_BYTES]
    assert found["key"] == b"key"
    assert found["headers"][-1] == ("x-truncated", b"true")


@pytest.mark.parametrize(
    "headers",
    [(), (("h", 900),), (("h", 900_000),), (("n" * 400_000, 5),), (("n", 1),) * 10_000],
    ids=["none", "small", "large", "name", "many"],
)
@pytest.mark.parametrize("largest", [SMALLEST, 10_000, 100_000, 1_000_000, 20_000_000])
def test_whatever_a_record_has_its_letter_fits_the_topic(
    headers: tuple[tuple[str, int], ...], largest: int
) -> None:
    for key, value in product([0, 1, 500, 70_000, 1_200_000, None], [0, 500, 70_000, 1_200_000, None]):
        check_that_it_fits(key, value, headers, largest)


def check_that_it_fits(
    key: int | None, value: int | None, headers: tuple[tuple[str, int], ...], largest: int
) -> None:
    given = tuple((name, b"v" * size) for name, size in headers)
    record = Record(
        None if value is None else b"v" * value, None if key is None else b"k" * key, headers=given
    )
    found = dead_letter(record, largest=largest)
    said = dict(found["headers"])
    assert size_of(found["key"], found["value"], found["headers"]) <= largest
    whole = ("x-truncated", b"true") not in found["headers"]
    everything = (record.key, record.value, given) == (
        found["key"],
        found["value"],
        tuple(found["headers"])[: len(given)],
    )
    assert whole is everything
    assert said["x-reason"] == b"schema"
    for part, original in ((found["key"], record.key), (found["value"], record.value)):
        assert (part is None) is (original is None)
        assert (original or b"").startswith(part or b"")
    if not whole and largest >= 100_000:
        assert len(found["value"] or b"") == min(value or 0, TRUNCATED_BYTES)


def test_headers_are_dropped_from_the_largest_and_keep_their_order() -> None:
    headers = (("a", b"1"), ("large", b"v" * 300_000), ("b", b"2"), ("larger", b"v" * 400_000), ("a", b"3"))
    found = dead_letter(Record(b"", headers=headers), largest=350_000)
    kept = [name for name, _ in found["headers"] if not name.startswith(("x-", CONNECT))]
    assert kept == ["a", "large", "b", "a"]


def forms(record: Record, refusal: Refusal, *, largest: int = 1 << 20) -> list[Written]:
    """Returns all forms of a dead letter, as if the broker refused each of them."""
    found = dead_letter(record, largest=largest)
    written = [Written(found["key"], found["value"], found["headers"])]
    while len(written) < 10:
        try:
            written.append(found["on_refused"](written[-1], refusal))
        except NoAnswer:
            return written
    raise AssertionError("there are too many forms")


def test_a_letter_that_is_refused_for_its_size_is_written_smaller_until_nothing_is_left_to_leave_out() -> (
    None
):
    record = Record(b"v" * 500_000, headers=(("tenant", b"acme"),))
    whole, cut, least = forms(record, Refusal.SIZE)
    assert (whole.value, cut.value, least.value) == (record.value, b"v" * TRUNCATED_BYTES, None)
    assert (whole.key, cut.key, least.key) == (b"key", b"key", None)
    assert "x-truncated" not in dict(whole.headers)
    assert dict(cut.headers)["x-truncated"] == dict(least.headers)["x-truncated"] == b"true"
    assert dict(cut.headers)["tenant"] == b"acme"
    assert position(dict(least.headers)) == (b"vendor.fynd.users", b"3", b"1207")
    assert [name for name, _ in least.headers if name == "tenant"] == []


@pytest.mark.parametrize("refusal", [Refusal.FORM, Refusal.CORRUPT])
def test_a_letter_without_a_key_gets_one_that_is_nobody_elses_on_a_topic_that_wants_one(
    refusal: Refusal,
) -> None:
    found = forms(Record(b"{", key=None), refusal)
    assert [each.key for each in found] == [None, *[b"vendor.fynd.users/3/1207"] * 3]
    assert found[1].value == b"{"
    keys = [each.key for each in forms(Record(b"{"), refusal)]
    assert keys == [b"key", b"key", None, b"vendor.fynd.users/3/1207"]


def test_a_record_that_was_not_read_has_its_position_and_nothing_else() -> None:
    found = dead_letter(UnreadRecord(1207, 17, "its batch"))  # type: ignore[arg-type]
    assert (found["key"], found["value"]) == (None, None)
    assert found["partition"] == SOURCE.partition % 2
    headers = dict(found["headers"])
    assert len(headers) == len(found["headers"])
    assert headers["x-truncated"] == b"true"
    assert headers["x-original-timestamp"] == b"17"
    assert headers[f"{CONNECT}offset"] == b"1207"
