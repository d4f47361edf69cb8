"""Which dead letters go back, where to, and with which headers."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from app.canonical import encode_event
from app.dead_letters import SourceRecord
from app.engine import partition_of
from app.outcome import Dead, Emit
from app.settings import Settings
from app.tools.redrives.letters import KeptLetter, read_letter
from app.tools.redrives.redrive_choice import (
    OBJECTIONS,
    Choice,
    back,
    back_headers,
    objection,
    partition_back,
)
from app.vendors import VENDORS, convert
from tests.operator_tools.letter_records import MAGINE, NOW_MS, SCHEMA, Kept, letter_of
from tests.operator_tools.test_letters import RECORDS, SOURCES
from tests.tools.bench.bodies import bodies

# The bodies are of 2024, and the letters of 2026.
LONG = Settings(grace_period=1e9)
MONTH = Settings()
ALL = Choice()
BODY = next(bodies("magine", 1))
CANONICAL = SourceRecord("users.events", 1, 5, "canonical")


def read(*arguments: Any) -> KeptLetter:
    letter = read_letter(letter_of(*arguments))
    assert letter is not None
    return letter


LETTER = read(Kept(BODY))


@pytest.mark.parametrize(
    ("takes", "leaves"),
    [
        (Choice(vendors=("fynd", "magine")), Choice(vendors=("fynd",))),
        (Choice(reasons=("schema",)), Choice(reasons=("bad_time", "not_json"))),
        (Choice(details=("x", "$.data.user")), Choice(details=("data", "$.data.userId: expected str!"))),
        (
            Choice(origins=("vendor.magine.users/3/1207",)),
            Choice(origins=("vendor.magine.users/3/120", "vendor.magine.users/31/207")),
        ),
        (Choice(attempts=1), Choice(attempts=2)),
        (Choice(since=NOW_MS), Choice(since=NOW_MS + 1)),
        (Choice(until=NOW_MS + 1), Choice(until=NOW_MS)),
    ],
)
def test_each_filter_takes_and_leaves(takes: Choice, leaves: Choice) -> None:
    assert ALL.takes(LETTER)
    assert takes.takes(LETTER)
    assert not leaves.takes(LETTER)
    assert len({ALL.digest(), takes.digest(), leaves.digest()}) == 3


def test_what_is_chosen_is_written_back() -> None:
    assert objection(LETTER, ALL, LONG, NOW_MS) is None


@pytest.mark.parametrize(
    ("why", "letter"),
    [
        ("changelog", read(Kept(b"{"), SourceRecord("rollcall-users-changelog", 1, 5, "changelog"))),
        ("truncated", read(Kept(BODY, headers=[("x-truncated", b"true")]))),
        ("other_topic", read(Kept(BODY), SourceRecord("vendor.magine.old", 3, 1207, "magine"))),
        ("other_topic", read(Kept(BODY), SourceRecord("vendor.fynd.users", 3, 1207, "magine"))),
        ("other_topic", read(Kept(BODY), SourceRecord("vendor.fynd.users", 3, 1207, "canonical"))),
        ("attempts", replace(LETTER, attempt=5)),
    ],
)
def test_each_refusal(why: str, letter: KeptLetter) -> None:
    assert why in OBJECTIONS
    assert objection(letter, ALL, LONG, NOW_MS) == why
    if why == "attempts":
        assert objection(replace(letter, attempt=4), ALL, LONG, NOW_MS) is None
        assert objection(letter, Choice(max_attempts=6), LONG, NOW_MS) is None


def canonical(body: bytes) -> bytes:
    outcome = convert(VENDORS["magine"], Kept(body, None), "vendor.magine.users/3", LONG.options_of("magine"))
    assert isinstance(outcome, Emit)
    return encode_event(outcome.events[0])


@pytest.mark.parametrize(
    ("letter", "old_in_a_month"),
    [
        (read(Kept(BODY)), True),
        # What the record says counts, not when it was recorded.
        (read(Kept(BODY, timestamp=NOW_MS)), True),
        # A record of no use has no event: only when it was recorded is known.
        (read(Kept(b"{", timestamp=NOW_MS)), False),
        (read(Kept(b"{", timestamp=NOW_MS - 31 * 86_400_000)), True),
        # Nothing is made of a null value.
        (read(Kept(None, timestamp=0)), False),
        (read(Kept(canonical(BODY)), CANONICAL), True),
        (read(Kept(b"{", timestamp=NOW_MS), CANONICAL), False),
    ],
)
def test_events_older_than_the_grace_period_are_refused(letter: KeptLetter, old_in_a_month: bool) -> None:
    assert objection(letter, ALL, LONG, NOW_MS) is None
    assert objection(letter, ALL, MONTH, NOW_MS) == ("too_old" if old_in_a_month else None)
    assert objection(letter, Choice(allow_old=True), MONTH, NOW_MS) is None


def test_of_what_the_age_is_not_known_is_refused() -> None:
    letter = read(Kept(b"{", timestamp=-1))
    assert objection(letter, ALL, LONG, NOW_MS) == "too_old"
    assert objection(letter, Choice(allow_old=True), LONG, NOW_MS) is None


@given(RECORDS, SOURCES, st.lists(st.sampled_from([SCHEMA, Dead("bad_time", "")]), min_size=1, max_size=4))
def test_a_letter_that_goes_back_again_and_again_stays_the_same_record(
    record: Kept, source: SourceRecord, verdicts: Sequence[Dead]
) -> None:
    """Each time that it is dead again one attempt is added, and nothing else changes."""
    first = read(record, source, verdicts[0])
    letter = first
    for attempt, dead in enumerate(verdicts[1:], first.attempt + 1):
        again = back(letter, ALL, 3)
        assert (again.topic, again.key, again.value) == (source.topic, record.key, record.value)
        assert again.timestamp is None
        letter = read(Kept(again.value, again.key, again.headers, NOW_MS + attempt), source, dead)
        assert letter.attempt == attempt
        assert (letter.headers, letter.first_failed_at) == (first.headers, first.first_failed_at)
        if source.vendor in VENDORS:
            assert letter.recorded == first.recorded


def test_headers_of_ours_that_say_why_it_was_dead_do_not_go_back() -> None:
    letter = read(Kept(BODY, headers=[("tenant", b"acme"), ("twice", b"1"), ("twice", None)], timestamp=-1))
    assert back_headers(letter, ALL) == [
        *(("tenant", b"acme"), ("twice", b"1"), ("twice", None)),
        ("x-attempt", b"1"),
        ("x-first-failed-at", letter.first_failed_at),
        ("x-original-timestamp", b"-1"),
    ]


def test_only_a_bad_time_loses_its_timestamp_and_only_if_that_is_wanted() -> None:
    now = Choice(without_original_timestamp=True)
    late = read(Kept(BODY, timestamp=0), MAGINE, Dead("bad_time", ""))
    names = {name for name, _ in back_headers(late, now)}
    assert names == {"x-attempt", "x-first-failed-at"}
    assert "x-original-timestamp" in dict(back_headers(LETTER, now))
    assert "x-original-timestamp" in dict(back_headers(late, ALL))
    # With it, the event's time is right, and tells how old it is.
    assert objection(late, now, LONG, NOW_MS) is None
    assert objection(late, now, MONTH, NOW_MS) == "too_old"


@given(st.none() | st.binary(max_size=9), st.integers(0, 20), st.integers(1, 20))
def test_the_partition_is_the_one_where_it_was(key: bytes | None, partition: int, partitions: int) -> None:
    letter = replace(LETTER, key=key, partition=partition)
    found = partition_back(letter, partitions)
    if partition < partitions:
        assert found == partition
    elif key is not None:
        assert found == partition_of(key, partitions)
    assert 0 <= found < partitions
    event = partition_back(replace(letter, vendor="canonical"), partitions)
    assert event == (partition % partitions if key is None else partition_of(key, partitions))
