"""Dead letters as a worker writes them, without a worker."""

from collections.abc import Sequence
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


def letter_of(record: Kept, source: SourceRecord = MAGINE, dead: Dead = SCHEMA, **more: bytes) -> Kept:
    """Returns the record of the dead letter. `more`: headers in place of its own, `x_attempt=b"3"`."""
    ours = our_headers(record, source, dead, app_id="rollcall", now=NOW_MS * 1000)
    replaced = {name.replace("_", "-"): value for name, value in more.items()}
    headers = [
        *original_headers(record.headers),
        *((name, replaced.get(name, value)) for name, value in ours),
    ]
    headers += [(name, value) for name, value in replaced.items() if name not in dict(ours)]
    return Kept(record.value, record.key, headers, NOW_MS, 40)
