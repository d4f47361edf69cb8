"""The fixtures of the vendors, `tests/fixtures/<vendor>/<sentence>.in.json` and `.out.json`.

The first file is a record, the second the outcome that `rollcall convert` prints for it as record 0
of partition 0 of the vendor's usual topic. The members of a record, all optional:

    body       the JSON value of the body, written compactly; or the body's bytes as
    text       text, where it matters how the JSON is written or there is none, or as
    base64     where it is not even text; none of the three is Kafka's null value
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
    """One record of partition 0 with what must become of it; also the record itself for `convert`."""

    vendor: str
    sentence: str
    offset: int
    timestamp: int
    headers: list[tuple[str, bytes]]
    value: bytes | None
    options: Options
    outcome: dict[str, Any]

    @property
    def place(self) -> str:
        """The partition that the expected `origin` names."""
        return f"vendor.{self.vendor}.users/0"

    @property
    def reason(self) -> str | None:
        """Of a skip or a dead letter."""
        reason: str | None = self.outcome.get("reason")
        return reason


@cache
def fixtures_of(vendor: str) -> tuple[Fixture, ...]:
    """All fixtures of one vendor by name. Raises where a file has no partner or an unknown member."""
    inputs, outputs = (
        {path.name.removesuffix(end): path for path in (ROOT / vendor).glob(f"*{end}")}
        for end in (".in.json", ".out.json")
    )
    if unpaired := inputs.keys() ^ outputs.keys():
        raise FileNotFoundError(f"half a fixture of {vendor}: {', '.join(sorted(unpaired))}")
    return tuple(_load(vendor, name, inputs[name], outputs[name]) for name in sorted(inputs))


def _load(vendor: str, sentence: str, source_file: Path, outcome_file: Path) -> Fixture:
    # By the same module that writes the body below, so that no number changes its spelling between.
    source = msgspec.convert(json.loads(source_file.read_text("utf-8")), _Source)
    return Fixture(
        vendor=vendor,
        sentence=sentence,
        offset=0,
        timestamp=source.timestamp,
        headers=[(name, text.encode()) for name, text in source.headers.items()],
        value=_bytes_of(source),
        options=source.options,
        outcome=json.loads(outcome_file.read_text("utf-8")),
    )


def _bytes_of(source: _Source) -> bytes | None:
    if source.body is not UNSET:
        return json.dumps(source.body, ensure_ascii=False, separators=(",", ":")).encode()
    if isinstance(source.text, str):
        return source.text.encode()
    if isinstance(source.base64, str):
        return base64.b64decode(source.base64, validate=True)
    return None
