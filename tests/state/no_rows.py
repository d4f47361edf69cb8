"""Values that a changelog can hold under the key of user 7 and that are no row of this version, by their
kind."""

from typing import Any, Final, Literal

import msgspec

from app.state import encode_loyalty, encode_user
from tests.state.events import at, deleted, event, full, points, score
from tests.state.histories import replay

KEY: Final = b"magine/acme/7"
Table = Literal["users", "loyalty"]


def _encoded(*history: Any) -> tuple[bytes, bytes]:
    rows = replay(list(history))
    assert rows.user is not None
    assert rows.loyalty is not None
    return encode_user(rows.user), encode_loyalty(rows.loyalty)


USERS_ROW, LOYALTY_ROW = _encoded(
    event("created", 1, full=True, status="active", user={"name": "N", "address": {"country": "FI"}}),
    event("status_changed", 2, presence={"status": "away"}),
    event("logged_in", 2),
    event("logged_out", 3),
    full(4, settings={"sound": 1}, attributes={"roles": ["a"]}),
    score(5, score={"balance": 9}),
    points(6, points={"balance": 9}),
)
_marker = replay([deleted(1)]).user
assert _marker is not None
MARKER: Final = encode_user(_marker)
ROWS: Final[dict[Table, bytes]] = {"users": USERS_ROW, "loyalty": LOYALTY_ROW}


def changed(row: bytes, **members: Any) -> bytes:
    """The row with other members. A member that is UNSET is left out."""
    kept = msgspec.json.decode(row) | members
    return msgspec.json.encode({name: it for name, it in kept.items() if it is not msgspec.UNSET})


# Texts that name an instant, but not in the form that rows have, and texts that name none.
TIMES: Final = [
    "yesterday",
    "",
    "2024-01-01T00:00:01Z",
    "2024-01-01T00:00:01.000000+00:00",
    "2024-01-01 00:00:01.000000Z",
    "2024-01-01T00:00:01,000000Z",
    "2024-02-30T00:00:01.000000Z",
    "2024-01-01T00:00:60.000000Z",
    "0000-01-01T00:00:01.000000Z",
    "20240101T000001.000000+0000",
    "٢024-01-01T00:00:01.000000Z",
]
_NO_TEXT: Final[list[Any]] = [1, None, True, [], {}]
_NO_INSTANT: Final[list[Any]] = ["1", None, True, 1.0, 1e30, 10**18, -(10**18), 10**30, [], {}]
_NO_NUMBER: Final[list[Any]] = ["1", None, 1.5, [], {}]
_NO_PRESENCE: Final[list[Any]] = ["away", None, [], {}, {"at": at(1)}]
_NO_ENTRIES: Final[list[Any]] = ["PII", None, {}, [1], ["PII"], [{}], [None]]
_NO_FLAG: Final[list[Any]] = ["true", None, 1, msgspec.UNSET]
_NO_OBJECT: Final[list[Any]] = ["PII", None, 1, True, []]


def _not_json(row: bytes) -> dict[str, bytes]:
    return {
        "nothing": b"",
        "blanks": b"  ",
        "bytes": b"\x00\xff\xfe",
        "a row cut off": row[:-1],
        "a row and more": row + b"}",
        "a row after a byte-order mark": b"\xef\xbb\xbf" + row,
        "a row that is not UTF-8": row.replace(b'"acme"', b'"acme","profile":{"name":"\xff"}'),
        "half of a surrogate pair": row.replace(b'"acme"', b'"acme","profile":{"name":"\\ud83d"}'),
        "a number out of range": row.replace(b'"acme"', b'"acme","profile":{"n":1e999}'),
        "brackets": b"[" * 100_000,
        "a row that nests too deep": row.replace(
            b'"acme"', b'"acme","attributes":{"a":' + b"[" * 750 + b"]" * 750 + b"}"
        ),
        "NaN": b"NaN",
    }


def _schema(row: bytes) -> dict[str, bytes]:
    found = {
        "null": b"null",
        "a text": b'"PII"',
        "a number": b"1",
        "a list": b"[%b]" % row,
        "an empty object": b"{}",
        "an event": b'{"specversion":"1.0","id":"PII","type":"user.updated","vendor":"magine","tenant":"t"}',
        "only its names": b'{"vendor":"magine","tenant":"acme","sub":"7"}',
    }
    for name in ("vendor", "tenant", "sub"):
        found |= {f"{name} {odd!r}": changed(row, **{name: odd}) for odd in _NO_TEXT}
        found[f"without {name}"] = changed(row, **{name: msgspec.UNSET})
        found[f"another's {name}"] = changed(row, **{name: "PII"})
        found[f"a later row of another's {name}"] = changed(row, **{name: "PII"}, mood="sunny")
        found[f"a later row without {name}"] = changed(row, **{name: msgspec.UNSET}, mood="sunny")
    return found


def _users_schema(row: bytes) -> dict[str, bytes]:
    found = {"the loyalty row": LOYALTY_ROW, "a row with entries": changed(row, entries=[])}
    for name in ("profile", "attributes", "settings", "stamps"):
        found |= {f"{name} {odd!r}": changed(row, **{name: odd}) for odd in _NO_OBJECT}
        found[f"without {name}"] = changed(row, **{name: msgspec.UNSET})
    found |= {f"address {odd!r}": changed(row, profile={"address": odd}) for odd in _NO_OBJECT}
    found |= {f"complete {odd!r}": changed(row, complete=odd) for odd in _NO_FLAG}
    found |= {f"status {odd!r}": changed(row, status=odd) for odd in _NO_TEXT}
    found |= {f"as_of {odd!r}": changed(row, as_of=odd) for odd in _NO_INSTANT}
    found |= {f"a stamp of {odd!r}": changed(row, stamps={"status": odd}) for odd in _NO_INSTANT}
    times = ("created_at", "updated_at", "last_login_at", "last_logout_at", "deleted_at")
    for name in times:
        found |= {f"{name} {odd!r}": changed(row, **{name: odd}) for odd in [*TIMES, *_NO_TEXT]}
    for name in ("presence", *times[:-1]):
        found[f"a stamp of {name}"] = changed(row, stamps={name: 1})
    for odd in [*TIMES, *_NO_TEXT]:
        found[f"presence at {odd!r}"] = changed(row, presence={"status": "away", "at": odd})
        found[f"a marker of {odd!r}"] = changed(MARKER, deleted_at=odd)
    found |= {f"presence {odd!r}": changed(row, presence=odd) for odd in _NO_PRESENCE}
    found |= {f"presence is {odd!r}": changed(row, presence={"status": odd, "at": at(1)}) for odd in _NO_TEXT}
    found["a marker without a time"] = changed(MARKER, deleted_at=msgspec.UNSET)
    found["a marker that is active"] = changed(MARKER, status="active")
    found["a marker with a profile"] = changed(MARKER, profile={"name": "PII"})
    return found


def _loyalty_schema(row: bytes) -> dict[str, bytes]:
    found = {
        "the users row": USERS_ROW,
        "the marker": MARKER,
        "a row with a profile": changed(row, profile={}),
    }
    for name in ("reputation", "points"):
        for odd in [*_NO_OBJECT, {}, {"value": 1}, {"as_of": 1}, {"value": "1", "as_of": 1}]:
            found[f"{name} {odd!r}"] = changed(row, **{name: odd})
        for odd in _NO_INSTANT:
            found[f"{name} as of {odd!r}"] = changed(row, **{name: {"value": 1, "as_of": odd}})
        for odd in _NO_NUMBER:
            found[f"{name} of {odd!r}"] = changed(row, **{name: {"value": odd, "as_of": 1}})
    first, *rest = msgspec.json.decode(row)["entries"]

    def entry(**members: Any) -> bytes:
        kept = {name: it for name, it in (first | members).items() if it is not msgspec.UNSET}
        return changed(row, entries=[kept, *rest])

    found["without entries"] = changed(row, entries=msgspec.UNSET)
    found |= {f"entries {odd!r}": changed(row, entries=odd) for odd in _NO_ENTRIES}
    for name in ("id", "kind", "delta", "at"):
        found[f"an entry without {name}"] = entry(**{name: msgspec.UNSET})
    for name in ("id", "kind", "reason", "at"):
        found |= {f"an entry's {name} {odd!r}": entry(**{name: odd}) for odd in _NO_TEXT}
    for name in ("delta", "balance"):
        found |= {f"an entry's {name} {odd!r}": entry(**{name: odd}) for odd in _NO_NUMBER}
    found |= {f"an entry at {odd!r}": entry(at=odd) for odd in TIMES}
    found["an id twice"] = entry(id=rest[0]["id"])
    found["the oldest first"] = changed(row, entries=[*rest, first])
    found["too many entries"] = changed(
        row, entries=[first | {"id": f"i{number:02}"} for number in range(21, 0, -1)]
    )
    return found


NOT_JSON: Final[dict[Table, dict[str, bytes]]] = {table: _not_json(row) for table, row in ROWS.items()}
SCHEMA: Final[dict[Table, dict[str, bytes]]] = {
    "users": _schema(USERS_ROW) | _users_schema(USERS_ROW),
    "loyalty": _schema(LOYALTY_ROW) | _loyalty_schema(LOYALTY_ROW),
}
_entries = msgspec.json.decode(LOYALTY_ROW)["entries"]
LATER: Final[dict[Table, dict[str, bytes]]] = {
    "users": {
        "an unknown member": changed(USERS_ROW, mood="sunny"),
        "an unknown member that is null": changed(USERS_ROW, mood=None),
        "a marker with an unknown member": changed(MARKER, mood="sunny"),
        "an unknown status": changed(USERS_ROW, status="retired"),
        "a marker of another status": changed(MARKER, status="retired"),
        "an unknown member beside another shape": changed(USERS_ROW, mood="sunny", presence=["away"]),
    },
    "loyalty": {
        "an unknown member": changed(LOYALTY_ROW, mood="sunny"),
        "an unknown member that is null": changed(LOYALTY_ROW, mood=None),
        "an unknown kind": changed(LOYALTY_ROW, entries=[_entries[0] | {"kind": "coins"}, *_entries[1:]]),
        "an unknown kind in the last entry": changed(
            LOYALTY_ROW, entries=[_entries[0], _entries[1] | {"kind": "coins"}]
        ),
        "an unknown member beside another shape": changed(LOYALTY_ROW, mood="sunny", entries=["a"]),
    },
}
"""Rows of a later version, which must not be touched."""

VALID: Final[dict[Table, dict[str, bytes]]] = {
    "users": {
        "the row": USERS_ROW,
        "the marker": MARKER,
        "unknown names in profile, attributes, settings and stamps": changed(
            USERS_ROW,
            profile={"mood": {"a": [1]}},
            attributes={"mood": 1e300},
            settings={"mood": None},
            stamps={"mood": 1, "status": 2},
        ),
        "a row without what may be absent": changed(
            USERS_ROW,
            **dict.fromkeys(("status", "presence", "created_at", "updated_at", "as_of"), msgspec.UNSET),
        ),
        "members in another order": msgspec.json.encode(
            dict(reversed(msgspec.json.decode(USERS_ROW).items()))
        ),
        "blanks": USERS_ROW.replace(b":", b": ", 3),
        "the first and the last year": changed(
            USERS_ROW, created_at="0001-01-01T00:00:00.000000Z", updated_at="9999-12-31T23:59:59.999999Z"
        ),
    },
    "loyalty": {
        "the row": LOYALTY_ROW,
        "no entries": changed(LOYALTY_ROW, entries=[]),
        "balances only": changed(LOYALTY_ROW, entries=[], reputation=msgspec.UNSET),
        "twenty entries": changed(
            LOYALTY_ROW, entries=[_entries[0] | {"id": f"i{number:02}"} for number in range(20, 0, -1)]
        ),
    },
}
