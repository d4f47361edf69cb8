"""Stored rows are read as `decode_user` and `decode_loyalty` read them."""

import pytest
from hypothesis import given

from app.canonical import Event
from app.state import InvalidRow, decode_loyalty, decode_user, encode_loyalty, encode_user
from app.state.fast.stored import stored_loyalty, stored_user
from tests.state.histories import histories, laws, replay


@laws
@given(histories)
def test_a_stored_row_is_read_as_any_row(history: list[Event]) -> None:
    user, loyalty = replay(history)
    assert user is not None
    assert stored_user(encode_user(user)) == decode_user(encode_user(user))
    if loyalty is not None:
        assert stored_loyalty(encode_loyalty(loyalty)) == decode_loyalty(encode_loyalty(loyalty))


@pytest.mark.parametrize("value", [b"", b"{}", b'{"vendor":1}', b"null"])
def test_what_is_no_row_is_refused(value: bytes) -> None:
    with pytest.raises(InvalidRow):
        stored_user(value)
    with pytest.raises(InvalidRow):
        stored_loyalty(value)
