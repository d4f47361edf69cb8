"""The key of one user as an operator writes it: `vendor/tenant/user id` (docs/events.md#keys)."""

from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from app.keys import key_of
from app.vendors import VENDORS

_PARTS = 3


class UserKey(NamedTuple):
    """Whose rows and events a command handles. Tenant and sub are raw, as the events have them."""

    vendor: str
    tenant: str
    sub: str

    @property
    def key(self) -> bytes:
        """The key of the user's records."""
        return key_of(self.vendor, self.tenant, self.sub)

    def __str__(self) -> str:
        return self.key.decode()


def parse_key(text: str) -> UserKey:
    """Returns the user of a key in its canonical form, percent-encoded as the records have it. A key without
    `%` may have control characters as they are.

    Raises ValueError, with a line that says what was expected, if the text is no key, or if it has a `%` that
    the canonical form would not have: it is not known then whether that is an escape.
    """
    parts = text.split("/")
    if len(parts) != _PARTS or not all(parts):
        raise ValueError("expected vendor/tenant/user id, with %2F for a slash and %25 for a percent sign")
    if parts[0] not in VENDORS:
        raise ValueError(f"expected one of the vendors {', '.join(VENDORS)} before the first slash")
    try:
        text.encode()
        tenant, sub = (unquote_to_bytes(part).decode() for part in parts[1:])
    except UnicodeError:
        raise ValueError("expected UTF-8") from None
    user = UserKey(parts[0], tenant, sub)
    if "%" in text and str(user) != text:
        raise ValueError(
            "expected /, % and control characters as %2F, %25 and so on, and nothing else encoded"
        )
    return user
