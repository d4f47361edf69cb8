"""Ids of events that have no id of the vendor."""

import pytest

from app.vendors.event_ids import id_of_members
from app.vendors.model import Message
from app.vendors.tolerant_reader import NotJson


def id_of(body: bytes) -> str:
    return id_of_members(Message(body, {}, "", []), "event", "users")


def test_an_id_of_members_is_the_same_for_each_delivery() -> None:
    first = id_of(b'{"attempt":1,"event":{"at":1},"users":[1]}')
    assert first == id_of(b'{"attempt":2,"users":[1],"event":{"at":1}}')
    assert len(first) == 32


@pytest.mark.parametrize(
    "body",
    [
        b'{"event":{"at":2},"users":[1]}',
        b'{"event":{"at":1}}',
        b'{"users":[1]}',
        b'{"event":{"at":1},"users":[]}',
    ],
)
def test_other_members_are_another_event(body: bytes) -> None:
    assert id_of(body) != id_of(b'{"event":{"at":1},"users":[1]}')


def test_a_name_that_is_no_text_is_not_json() -> None:
    with pytest.raises(NotJson):
        id_of(b'{"\xff":1}')
