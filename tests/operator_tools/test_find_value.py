"""Which keys have a value."""

import pytest

from app.canonical import Event
from app.state import encode_user, fold
from app.tools.users.find_value import ValueFinder, Wanted, parse_wanted
from tests.operator_tools.records import Told
from tests.state.events import deleted, full

ROW = full(
    1,
    user={"email": "a@example.com", "email_verified": True, "address": {"country": "SE"}},
    attributes={"roles": ["admin", "user"], "flag_count": 2},
    settings={"qa": 1},
    status="active",
    presence={"status": "away"},
)


def told(*events: Event) -> Told:
    ((key, rows),) = fold(events).items()
    assert rows.user is not None
    return Told(key.encode(), encode_user(rows.user))


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("email=a@example.com", True),
        ("profile.email=a@example.com", True),
        ("email=A@example.com", False),
        ("email_verified=true", True),
        ("email_verified=True", False),
        ("address.country=SE", True),
        ("attributes.roles=admin", True),
        ("attributes.roles=adm", False),
        ("attributes.flag_count=2", True),
        ("settings.qa=1", True),
        ("status=active", True),
        ("presence=away", True),
        ("name=null", False),
    ],
)
def test_a_value_is_found_as_text_or_as_json(text: str, is_found: bool) -> None:
    finder = ValueFinder(parse_wanted(text))
    finder.read(told(ROW))
    assert (finder.keys == {b"magine/acme/7"}) is is_found


def test_the_last_row_of_a_key_counts() -> None:
    finder = ValueFinder(Wanted("profile.email", "a@example.com"))
    for later in (told(ROW, deleted(2)), told(full(3)), Told(b"magine/acme/7", None)):
        finder.read(told(ROW))
        assert finder.keys
        finder.read(later)
        assert not finder.keys
    finder.read(told(ROW))
    finder.read(Told(b"magine/acme/7", b"no row"))
    finder.read(Told(None, b"no key"))
    assert finder.keys


@pytest.mark.parametrize("text", ["", "email", "=x", "email="])
def test_what_names_no_value_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a claim"):
        parse_wanted(text)
