"""Which dead letters are a user's."""

import pytest

from app.tools.users.key_dead_letters import DeadLetterFinder, dead_letter_of, json_forms
from app.tools.users.user_key import UserKey
from tests.operator_tools.records import Told

VENDOR = ("x-vendor", b"magine")
POSITION = [
    ("__connect.errors.topic", b"vendor.magine.users"),
    ("__connect.errors.partition", b"2"),
    ("__connect.errors.offset", b"17"),
]


def letter(value: bytes | None = b"{", key: bytes | None = None, *headers: tuple[str, bytes | None]) -> Told:
    return Told(key, value, headers or [VENDOR])


@pytest.mark.parametrize(
    ("record", "match"),
    [
        (letter(key=b"magine/acme/42"), "key"),
        (Told(b"magine/acme/42", b"x", [("x-vendor", b"canonical")]), "key"),
        (Told(None, b"x", [VENDOR, *POSITION]), "position"),
        (letter(key=b"42"), "id"),
        (letter(b'{"userId":"42"}'), "id"),
        (letter(b'{"userId" : 42 }'), "id"),
        (letter(b'["42"'), None),
        (letter(b'{"ids":["41","42"]}'), "id"),
        (Told(None, b'{"userId":42}', [VENDOR, ("Tenant", b"acme")]), "id"),
        (Told(None, b'{"userId":42}', [VENDOR, ("tenant", b"")]), "id"),
        (Told(None, b'{"userId":42}', [VENDOR, ("tenant", b"other")]), None),
        (Told(None, b'{"userId":42}', [("x-vendor", b"fynd")]), None),
        (Told(None, b'{"userId":42}', [("x-vendor", b"canonical")]), None),
        (letter(b'{"userId":"421"}'), None),
        (letter(b'{"userId":4.42}'), None),
        (letter(b'{"name":"the 42"}'), None),
        (letter(None), None),
        (letter(), None),
    ],
)
def test_by_what_a_dead_letter_is_found(record: Told, match: str | None) -> None:
    finder = DeadLetterFinder(UserKey("magine", "acme", "42"), ["vendor.magine.users/2/17"])
    assert finder.match(record) == match


def test_an_id_is_found_in_every_form_that_json_has_for_it() -> None:
    sub = 'a/"\N{LATIN SMALL LETTER E WITH ACUTE}\N{GRINNING FACE}'
    finder = DeadLetterFinder(UserKey("magine", "acme", sub), [])
    forms = json_forms(sub)
    assert len(forms) == 6
    for form in forms:
        assert finder.match(letter(b'{"userId":"' + form + b'"}')) == "id"
    assert rb"a\/\"\u00E9\uD83D\uDE00" in forms


def test_what_is_shown_of_a_dead_letter() -> None:
    headers = [VENDOR, *POSITION, ("x-reason", b"schema"), ("x-detail", b"$: expected"), ("x-attempt", b"2")]
    shown = dead_letter_of(3, Told(None, b"x", headers, 7, 5), "id")
    assert shown[:9] == (3, 7, 5, "id", "magine", "schema", "$: expected", "2", "vendor.magine.users/2/17")
