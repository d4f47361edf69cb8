"""Checks the header `changed` of what workers have written to a changelog (docs/tables.md#changed).

What is certain of each record, whatever was killed, stopped or repaired:

- It has the header once, and the header is well-formed: sorted names, each once, encoded as they must be, and
  only names of its table. A tombstone names nothing; a marker names `status`.
- The header is the difference between the row and a version of its key that is earlier in the log, or no row.
  A worker knows nothing of a key but what it has read in the log, or has written to the log in order. A merge
  is not an exception: if it differs from the last record that was read, it is written before anything else.
  Garbage is no version, because it counts as not written.

Which version that is can be said if only one worker writes the partition at a time. Then it is the last one
that a worker wrote, because the worker wrote it itself or read it when it restored the partition; or one that
a stranger wrote, because a worker that repairs a log compares with what it has just read there, even if it
has written another version meanwhile. If a worker was stopped and woke up, both it and the new owner compare
with what they know, and the other one's records lie in between. The records do not say who wrote them. So a
record that names the difference to a version before the last is counted apart: it is right beside a zombie,
and wrong in a case in which no worker loses its partitions.

Compaction and retention remove versions. Behind the first offset that is missing in a partition, only the
form of the headers is checked.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Final

from msgspec import Struct

from app.outcome import Dead
from tests.kafka import Record
from tests.state.differing import EVERYTHING, Names, Row, differing, is_marker, read, written
from tests.tools.faults.foreign import RecordPosition, Table, judged_row, position_of

_NAMES: Final = {"users": {"status", "presence"}, "loyalty": {"entries", "points", "reputation"}}
_GROUPS: Final = {"users": ("profile.", "attributes.", "settings."), "loyalty": ()}


class Named(Struct):
    """How many records of a changelog have not the header that they should have."""

    misnamed: int = 0
    """Those whose header is missing, is not well-formed, or is the difference to no earlier version."""
    overtaken: int = 0
    """Those whose header is the difference to a version before the last: two workers wrote at once."""


class _Versions(Struct):
    """What is in the log of a key so far."""

    ours: list[Row] = []
    strange: list[Row] = []

    def nearest(self) -> list[Row]:
        """Returns what a worker compares with, if it has written the last version or has read it."""
        return [self.ours[-1] if self.ours else None, *self.strange]


def check_names(table: Table, records: Iterable[Record], foreign: AbstractSet[RecordPosition]) -> Named:
    """Returns how many records of a changelog have a wrong header. Those of a partition are in order.
    `foreign`: the positions of those that no worker wrote."""
    found, versions = Named(), dict[tuple[int, bytes], _Versions]()
    seen: dict[int, int] = {}
    for record in records:
        whole = seen.setdefault(record.partition, 0) == record.offset
        seen[record.partition] += whole
        if record.key is None:
            continue
        known = versions.setdefault((record.partition, record.key), _Versions())
        if position_of(record) in foreign:
            if record.value is None or not isinstance(judged_row(table, record), Dead):
                known.strange.append(record.value)
            continue
        _check(found, table, record, known if whole else None)
        known.ours.append(record.value)
    return found


def _check(found: Named, table: Table, record: Record, known: _Versions | None) -> None:
    try:
        names = _names(table, record)
        if names is None:
            found.misnamed += 1
        elif known is not None and not _is_named(names, known.nearest(), record.value):
            earlier = _is_named(names, [*known.ours, None], record.value)
            found.overtaken += earlier
            found.misnamed += not earlier
    except (ValueError, LookupError, TypeError, AttributeError):
        # It is no row at all, which is counted where rows are compared, too.
        found.misnamed += 1


def _is_named(names: Names, before: Iterable[Row], after: Row) -> bool:
    return any(names == written(differing(row, after)) for row in before)


def _names(table: Table, record: Record) -> Names | None:
    """Returns the names in the header; None if these cannot be those of such a record. Raises ValueError if
    the header is not well-formed."""
    headers = [value for name, value in record.headers if name == "changed"]
    if len(headers) != 1 or headers[0] is None:
        return None
    names = read(headers[0])
    if record.value is None:
        return names if names == set() else None
    if is_marker(record.value):
        return names if names == {"status"} else None
    if names == EVERYTHING or all(_is_register(table, name) for name in names):
        return names
    return None


def _is_register(table: Table, name: str) -> bool:
    return name in _NAMES[table] or name.startswith(_GROUPS[table])
