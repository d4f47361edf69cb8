"""docs/tables.md#changed written down a second time, as simply as possible: a plain comparison of the JSON of
two rows."""

import json
from typing import Any, Final, Literal
from urllib.parse import quote, unquote

Row = bytes | None
"""A row as a changelog has it; None is a tombstone, or that there is no row."""
EVERYTHING: Final = "*"
Names = set[str] | Literal["*"]

_MOST_BYTES: Final = 64 << 10
_KEPT: Final = "".join(map(chr, range(128))).replace(",", "").replace("%", "")


def differing(before: Row, after: Row) -> Names:
    """Returns what the header `changed` says of these two rows of a key."""
    if after is None:
        return set()
    if is_marker(after):
        return {"status"}
    if before is None or is_marker(before):
        return EVERYTHING
    old, new = (values(json.loads(row)) for row in (before, after))
    return {name for name in old.keys() | new.keys() if text(old.get(name)) != text(new.get(name))}


def is_marker(row: bytes) -> bool:
    members: dict[str, Any] = json.loads(row)
    return members.keys().isdisjoint({"complete", "entries"})


def values(row: dict[str, Any]) -> dict[str, Any]:
    """Returns the values of the registers of a row, by name. None as a value is as absent."""
    if "entries" in row:
        balances: dict[str, Any] = {
            name: row[name]["value"] for name in ("reputation", "points") if name in row
        }
        return {"entries": row["entries"], **balances}
    found = {name: row[name] for name in ("status",) if name in row}
    if "presence" in row:
        found["presence"] = row["presence"]["status"]
    for group in ("profile", "attributes", "settings"):
        for name, value in row[group].items():
            if (group, name) == ("profile", "address"):
                found |= {f"profile.address.{member}": part for member, part in value.items()}
            else:
                found[f"{group}.{name}"] = value
    return found


def text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def read(header: bytes) -> Names:
    """Returns the names of a header, as a consumer reads them. Raises ValueError if it is not well-formed."""
    if header == b"*":
        return EVERYTHING
    names = header.decode("ascii").split(",") if header else []
    if names != sorted(set(names)) or any(encoded(unquote(name)) != name for name in names):
        raise ValueError("expected sorted names, each once, with only what must be encoded in them encoded")
    return {unquote(name) for name in names}


def encoded(name: str) -> str:
    return quote(name, safe=_KEPT)


def written(names: Names) -> Names:
    """Returns what the header says if these names differ: too many names are everything."""
    size = sum(len(encoded(name)) + 1 for name in names) - 1
    return EVERYTHING if size > _MOST_BYTES else names
