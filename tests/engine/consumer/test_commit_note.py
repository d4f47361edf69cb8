"""The metadata of committed offsets: it is read back, and what somebody else wrote does no harm."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.consumer.commit_note import MOST_SKIPPED, CommitNote, decode_note

_KAFKAS_LIMIT = 4_096
offsets = st.integers(0, 2**63 - 1)
reasons = st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=200)


@given(reasons, st.integers(0, 9), offsets, st.sets(offsets, max_size=MOST_SKIPPED))
def test_a_note_is_read_back(reason: str, attempts: int, until: int, skip: set[int]) -> None:
    note = CommitNote(reason=reason, attempts=attempts, until=until, skip=tuple(sorted(skip)))
    assert decode_note(note.encode()) == note


def test_the_longest_note_is_not_longer_than_kafka_keeps() -> None:
    largest = 2**63 - 1
    skip = (largest,) * MOST_SKIPPED
    note = CommitNote(reason="x" * 1_000, attempts=5, until=largest, skip=skip)
    assert len(note.encode().encode()) < _KAFKAS_LIMIT


def test_nothing_special_is_an_empty_text_and_a_pause_has_the_form_of_earlier_versions() -> None:
    assert CommitNote().encode() == ""
    assert CommitNote(reason="dead letters up to 1/7").encode() == "held: dead letters up to 1/7"
    assert decode_note("held: ").reason


@pytest.mark.parametrize(
    "metadata",
    ["", "\n\n", "offset set by hand", "attempts: -1", "attempts: x", "attempts: ٣", "skip: 1,2", "skip: "],
)
def test_what_is_no_line_of_ours_says_nothing(metadata: str) -> None:
    assert decode_note(metadata) == CommitNote()
