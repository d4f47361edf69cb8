"""Reads the fixtures of the vendors, `tests/fixtures/<vendor>/<sentence>.in.json` and `.out.json`.

The first file is a record; the second is the outcome that `rollcall convert` prints for it, as record 0 of
partition 0 of the vendor's usual topic. The members of a record are all optional:

    body       the body as a JSON value, which is written compactly
    text       instead: the body as text, if the spelling of the JSON matters or if it is no JSON
    base64     instead: the body as bytes, if it is no text; without any of the three the value is null
    headers    {name: text}
    timestamp  the record's timestamp in milliseconds
    options    {"tenant": ..., "max_record_bytes": ...}: settings other than the default ones
"""

import base64
import json
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct, UnsetType

from app.vendors import Options

ROOT: Final = Path(__file__).parents[1] / "fixtures"
# 2025-11-21T04:40:00.123Z
DEFAULT_TIMESTAMP: Final = 1_763_700_000_123


class _Source(Struct, forbid_unknown_fields=True):
    body: Any = UNSET
    text: str | UnsetType = UNSET
    base64: str | UnsetType = UNSET
    headers: dict[str, str] = {}
    timestamp: int = DEFAULT_TIMESTAMP
    options: Options = Options()


class Fixture(Struct, frozen=True):
    """A record of partition 0 with its expected outcome. `convert` can take it as a record."""

    vendor: str
    sentence: str
    offset: int
    timestamp: int
    headers: list[tuple[str, bytes]]
    value: bytes | None
    options: Options
    outcome: dict[str, Any]

    @property
    def partition(self) -> str:
        """Returns the partition that the expected `origin` names."""
        return f"vendor.{self.vendor}.users/0"

    @property
    def reason(self) -> str | None:
        """Returns the expected reason of a skip or a dead letter, None for an emit."""
        reason: str | None = self.outcome.get("reason")
        return reason


@cache
def fixtures_of(vendor: str) -> tuple[Fixture, ...]:
    """Returns all fixtures of one vendor, in the order of their names. Raises FileNotFoundError if a file has
    no partner, and msgspec.ValidationError if it has an unknown member."""
    inputs, outcomes = _files_of(vendor, ".in.json"), _files_of(vendor, ".out.json")
    if unpaired := inputs.keys() ^ outcomes.keys():
        raise FileNotFoundError(f"half a fixture of {vendor}: {', '.join(sorted(unpaired))}")
    return tuple(_load(vendor, it, inputs[it], outcomes[it].read_text("utf-8")) for it in sorted(inputs))


def without_outcome(vendor: str) -> list[Fixture]:
    """Returns the records of the vendor that have no expected outcome yet."""
    inputs, outcomes = _files_of(vendor, ".in.json"), _files_of(vendor, ".out.json")
    return [_load(vendor, it, inputs[it], "{}") for it in sorted(inputs.keys() - outcomes.keys())]


def _files_of(vendor: str, end: str) -> dict[str, Path]:
    return {path.name.removesuffix(end): path for path in (ROOT / vendor).glob(f"*{end}")}


def _load(vendor: str, sentence: str, record: Path, outcome: str) -> Fixture:
    # The same module reads the number here and writes it below, so that its spelling does not change.
    source = msgspec.convert(json.loads(record.read_text("utf-8")), _Source)
    return Fixture(
        vendor=vendor,
        sentence=sentence,
        offset=0,
        timestamp=source.timestamp,
        headers=[(name, text.encode()) for name, text in source.headers.items()],
        value=_bytes_of(source),
        options=source.options,
        outcome=json.loads(outcome),
    )


def _bytes_of(source: _Source) -> bytes | None:
    if source.body is not UNSET:
        return json.dumps(source.body, ensure_ascii=False, separators=(",", ":")).encode()
    if isinstance(source.text, str):
        return source.text.encode()
    if isinstance(source.base64, str):
        return base64.b64decode(source.base64, validate=True)
    return None
