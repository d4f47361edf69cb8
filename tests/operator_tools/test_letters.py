"""What a command reads of a dead letter is what a worker wrote."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dead_letters import SourceRecord, original_headers
from app.outcome import DEAD_REASONS, Dead, DeadReason
from app.tools.redrives.letters import ORIGINS, read_letter
from tests.operator_tools.letter_records import NOW_MS, Kept, letter_of

NAMES = st.sampled_from(
    ["tenant", "Tenant", "x-attempt", "X-Reason", "x-fp-event-id", "__connect.errors.topic"]
)
VALUES = st.none() | st.binary(max_size=20)
RECORDS = st.builds(
    Kept,
    st.none() | st.binary(max_size=20),
    st.none() | st.binary(max_size=20),
    st.lists(st.tuples(NAMES, VALUES), max_size=5),
    st.integers(-1, 10**14),
)
SOURCES = st.builds(
    SourceRecord,
    st.from_regex(r"[a-zA-Z0-9._-]{1,20}", fullmatch=True),
    st.integers(0, 999),
    st.integers(0, 10**17),
    st.sampled_from(ORIGINS),
)


@given(RECORDS, SOURCES, st.sampled_from(DEAD_REASONS), st.text(max_size=2000))
def test_it_is_read_as_it_was_written(
    record: Kept, source: SourceRecord, reason: DeadReason, detail: str
) -> None:
    letter = read_letter(letter_of(record, source, Dead(reason, detail.encode("utf-8", "replace").decode())))
    assert letter is not None
    assert (letter.key, letter.value, letter.headers) == (
        record.key,
        record.value,
        original_headers(record.headers),
    )
    assert (letter.vendor, letter.reason) == (source.vendor, reason)
    assert (letter.topic, letter.partition, letter.offset) == (source.topic, source.partition, source.offset)
    assert letter.origin == f"{source.topic}/{source.partition}/{source.offset}"
    assert letter.written == NOW_MS
    assert len(letter.detail) <= 1000
    assert not letter.is_truncated
    assert letter.attempt >= 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-vendor", b"nobody"),
        ("x-reason", b"because"),
        ("x-reason", b""),
        ("x-attempt", b"0"),
        ("x-attempt", "\N{ARABIC-INDIC DIGIT ONE}".encode()),
        ("x-original-timestamp", b"yesterday"),
        ("__connect.errors.topic", b"a/b"),
        ("__connect.errors.partition", b"-1"),
        ("__connect.errors.offset", b"9" * 19),
    ],
)
def test_what_a_worker_does_not_write_is_no_dead_letter(name: str, value: bytes) -> None:
    record = letter_of(Kept(b"{"))
    assert read_letter(record) is not None
    replaced = letter_of(Kept(b"{"), replaced={name: value})
    assert dict(replaced.headers) != dict(record.headers)
    assert read_letter(replaced) is None


def test_a_record_without_headers_is_no_dead_letter() -> None:
    assert read_letter(Kept(b"{")) is None


def test_a_truncated_one_says_so() -> None:
    letter = read_letter(letter_of(Kept(b"{", headers=[("X-Truncated", b"true")])))
    assert letter is not None
    assert letter.is_truncated
