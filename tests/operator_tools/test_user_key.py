"""Keys as operators write them."""

import pytest

from app.tools.users.user_key import UserKey, parse_key


@pytest.mark.parametrize(
    ("text", "user"),
    [
        ("magine/acme/42", UserKey("magine", "acme", "42")),
        ("fynd/1.5/a%2Fb", UserKey("fynd", "1.5", "a/b")),
        ("fynd/1.5/50%25", UserKey("fynd", "1.5", "50%")),
        ("amity/%C2%80/x y", UserKey("amity", "\x80", "x y")),
        ("amity/t/\N{SNOWMAN}", UserKey("amity", "t", "\N{SNOWMAN}")),
    ],
)
def test_the_form_of_the_records_is_read(text: str, user: UserKey) -> None:
    assert parse_key(text) == user
    assert str(user) == text
    assert user.key == text.encode()


def test_a_key_without_escapes_may_be_raw() -> None:
    assert str(parse_key("amity/t/a\tb")) == "amity/t/a%09b"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "expected vendor/tenant/user id"),
        ("magine/acme", "expected vendor/tenant/user id"),
        ("magine//42", "expected vendor/tenant/user id"),
        ("magine/acme/4/2", "expected vendor/tenant/user id"),
        ("nobody/acme/42", "expected one of the vendors"),
        ("magine/acme/50%", "nothing else encoded"),
        ("magine/acme/a%2fb", "nothing else encoded"),
        ("magine/acme/%41", "nothing else encoded"),
        ("magine/acme/%FF", "expected UTF-8"),
        ("magine/acme/\udcff", "expected UTF-8"),
    ],
)
def test_what_is_no_key_is_refused(text: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        parse_key(text)
