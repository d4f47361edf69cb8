"""What a run keeps with its offsets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine import CommitNote
from app.tools.redrives.run_note import RunNote, decode_run_note


@given(st.builds(RunNote, st.integers(0, 10**18 - 1), st.from_regex(r"[0-9a-f]{16}", fullmatch=True)))
def test_it_is_read_as_it_was_written(note: RunNote) -> None:
    assert decode_run_note(note.encode()) == note


@pytest.mark.parametrize(
    "metadata", ["", "end: 5", CommitNote(reason="a move").encode(), "rollcall run\nend: 5"]
)
def test_what_somebody_else_committed_is_none(metadata: str) -> None:
    assert decode_run_note(metadata) is None
