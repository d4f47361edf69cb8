"""The key of a user's events and rows (docs/events.md#keys)."""

import re
from typing import Final

_ESCAPED: Final = re.compile("[/%\x00-\x1f\x7f-\x9f]")
_PERCENT: Final = {
    code: "".join(f"%{byte:02X}" for byte in chr(code).encode())
    for code in range(0xA0)
    if _ESCAPED.fullmatch(chr(code))
}


def key_of(vendor: str, tenant: str, sub: str) -> bytes:
    """Returns `vendor/tenant/sub` in UTF-8, with tenant and sub escaped."""
    return f"{vendor}/{escape(tenant)}/{escape(sub)}".encode()


def escape(part: str) -> str:
    """Returns a tenant or user id as it is written in a key: `/`, `%` and control characters, and nothing
    else, are percent-encoded. So a key always splits at its slashes into exactly three parts."""
    # perf: most ids are printable ASCII, which has no control characters, and need no escape. Saves 1 to 3 %
    # of convert (make bench ARGS=convert); plain form: `translate` for every id.
    if part.isascii() and part.isprintable() and "/" not in part and "%" not in part:
        return part
    if _ESCAPED.search(part) is None:
        return part
    return part.translate(_PERCENT)
