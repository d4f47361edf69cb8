"""Dead letters as a worker writes them, without a worker."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from app.dead_letters import SourceRecord, original_headers, our_headers
from app.outcome import Dead

Headers = list[tuple[str, bytes | None]]
NOW_MS = 1_790_000_000_000
"""When these letters are written."""


class Kept(NamedTuple):
    """A record of a vendor's topic, or of the dead-letter topic."""

    value: bytes | None
    key: bytes | None = b"key"
    headers: Sequence[tuple[str, bytes | None]] = ()
    timestamp: int = NOW_MS
    offset: int = 7


MAGINE = SourceRecord("vendor.magine.users", 3, 1207, "magine")
SCHEMA = Dead("schema", "$.data.userId: expected str")


def letter_of(
    record: Kept,
    source: SourceRecord = MAGINE,
    dead: Dead = SCHEMA,
    replaced: Mapping[str, bytes] = MappingProxyType({}),
) -> Kept:
    """Returns the record of the dead letter. `replaced`: values in place of those of its own headers."""
    ours = our_headers(record, source, dead, app_id="rollcall", now=NOW_MS * 1000)
    own = [(name, replaced.get(name, value)) for name, value in ours]
    return Kept(record.value, record.key, [*original_headers(record.headers), *own], NOW_MS, 40)
