"""Which keys of the users changelog have a value: `rollcall inspect --find`."""

from contextlib import aclosing
from typing import Any, NamedTuple

import msgspec

from app.engine import Record
from app.settings import Settings
from app.state import InvalidRow, decode_user
from app.tools.connected import reading
from app.tools.scan import scan
from app.tools.users.row_changes import fields_of_row

_GROUPS = ("profile.", "attributes.", "settings.")
_ALONE = ("status", "presence")


class Wanted(NamedTuple):
    """The field and the value that rows are searched for."""

    field: str
    value: str

    def is_in(self, fields: dict[str, Any]) -> bool:
        """Returns whether the field has the value, as text or as JSON; of a list, whether an element has."""
        found = fields.get(self.field)
        return any(self._equals(each) for each in (found if isinstance(found, list) else [found]))

    def _equals(self, value: Any) -> bool:
        if value is None:
            return False
        return value == self.value if isinstance(value, str) else _json(value) == self.value


def parse_wanted(text: str) -> Wanted:
    """Returns what `claim=value` or `group.field=value` names. Raises ValueError."""
    name, equals, value = text.partition("=")
    if not equals or not name or not value:
        raise ValueError("expected a claim, = and a value, such as email=ada@example.com")
    return Wanted(name if name.startswith(_GROUPS) or name in _ALONE else f"profile.{name}", value)


class ValueFinder:
    """Reads the records of the users changelog, in log order. The last one of each key counts."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self.keys: set[bytes] = set()
        """Those whose rows have the value."""

    def read(self, record: Record) -> None:
        if record.key is None:
            return
        try:
            row = None if record.value is None else decode_user(record.value)
        except InvalidRow:
            return
        if self._wanted.is_in(fields_of_row(row)):
            self.keys.add(record.key)
        else:
            self.keys.discard(record.key)


async def find_keys(settings: Settings, wanted: Wanted) -> list[str]:
    """Returns the keys whose users rows have the value at this moment, sorted. Raises CommandFailed,
    BrokerUnreachable and AccessRefused."""
    users, finder = settings.changelogs[0], ValueFinder(wanted)
    async with (
        reading(settings, (users,), committed=False) as logs,
        aclosing(scan(logs, await logs.ranges([users]))) as batches,
    ):
        async for batch in batches:
            for record in batch.records:
                finder.read(record)
    return sorted(key.decode("utf-8", "backslashreplace") for key in finder.keys)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
