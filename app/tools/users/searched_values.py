"""Which values of a user are searched for after a deletion (docs/tools/forget.md#what-is-searched-for)."""

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from app.times import parse_rfc3339
from app.tools.users.key_dead_letters import json_forms

_LEAST_CHARS: Final = 6
# Many users have the same one of these.
_SHARED: Final = frozenset(
    {
        "sub",
        "locale",
        "zoneinfo",
        "gender",
        "country",
        "role",
        "roles",
        "permissions",
        "type",
        "status",
        "account_type",
        "company_id",
        "application_id",
        "app_id",
        "federated",
        "reason",
    }
)
_GROUPS: Final = ("user", "profile", "attributes", "settings", "previous")


class UserValues:
    """Collects the values that tell one user from others: the texts of claims, attributes and earlier values
    that have at least six characters and are neither a time nor one of a field that many users share."""

    def __init__(self) -> None:
        self._texts: set[str] = set()

    def __len__(self) -> int:
        return len(self._texts)

    def add(self, value: bytes) -> None:
        """Takes those of an event or a row. Anything else has none."""
        try:
            members = msgspec.json.decode(value)
        except (ValueError, RecursionError):
            return
        if isinstance(members, dict):
            data = members.get("data", members)
            if isinstance(data, dict):
                for group in _GROUPS:
                    self._texts.update(_texts_in(data.get(group)))

    def pattern(self) -> re.Pattern[bytes] | None:
        """Returns what finds any of the values in a body of JSON; None if there are none."""
        forms = {form for text in self._texts for form in json_forms(text)}
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        return re.compile(b"|".join(map(re.escape, longest_first))) if forms else None


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, part in value.items():
            if name not in _SHARED:
                yield from _texts_in(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts_in(part)
    elif isinstance(value, str) and len(value) >= _LEAST_CHARS and parse_rfc3339(value) is None:
        yield value
