"""Headers and keys as a producer, a proxy or an earlier redrive may have added them to a record."""

from random import Random
from typing import Final

Headers = list[tuple[str, bytes | None]]

_ASCII: Final = bytes(range(128))
_PLACEHOLDERS: Final = (
    *(b"", b" ", b"null", b"NULL", b"None", b"undefined", b"string", b"<string>", b"nan", b"-", b"N/A"),
    *(b"{tenant}", b"{{tenant}}", b"${tenant}", b"0", b"false", b"[]", b"{}"),
)
_TIMES: Final = (
    *(b"0", b"-0", b"-1", b"1", b"00001763700000123", b"1763700000123", b"1763700000", b"946684799999"),
    *(b"946684800000", b"999999999999999", b"1763700000123456", b"-999999999999999", b"-9999999999999999"),
    *(b"253402300799999", b"253402300800000", b"253402214400000", b"+1763700000123", b" 1763700000123"),
    *(b"1763700000123\n", b"1763700000123.0", b"1e12", b"1_763_700_000_123", b"zq7", b"", b"\xff", b"-"),
    *("١٧٦٣٧٠٠٠٠٠١٢٣".encode(), b"2025-11-21T00:00:00Z", b"1763700000123\x00", b"7" * 5000),
)
_TENANTS: Final = (
    *(b"acme", b"zq7/%\x00\x7f", b"\xff", b"\xed\xa0\x80", b"\xc3", _ASCII, b"..", b"/" * 500, b"zq7" * 400),
    *("e\u0301\u0085\ufeff".encode(), "\U0001f600".encode() * 300, b"t" * 1024, b"t" * 1025, b"t" * 300_000),
    *_PLACEHOLDERS,
)
_IDS: Final = (
    *(b"zq7", b"\xed\xa0\x80", b"\x00", b"\xff", b"7" * 300, b"7" * 1024, b"7" * 1025, b"7" * 100_000),
    *("é".encode() * 512, "é".encode() * 513, _ASCII),
    *_PLACEHOLDERS,
)
_COUNTS: Final = (b"1", b"0", b"-1", b"999999999", b"9999999999", b"zq7", b"", b"\xff", "٣".encode(), b"1.5")
_ISO: Final = (
    *(b"2025-11-20T10:00:00.000000Z", b"2025-11-20T10:00:00+01:00", b"zq7", b"\xff", b"", b"9" * 70_000),
    *(b"0000-01-01T00:00:00Z", b"2025-11-20T10:00:00Z" + b" " * 60),
)
_TRACES: Final = (
    *(b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", b"zq7", b"\xff", b"", b"\x00"),
    *(b"t" * 4096, b"t" * 4097, b"t" * 300_000),
)
_POSITIONS: Final = (b"zq7", b"0", b"7", b"-1", b"9" * 19, b"9" * 20, b"", b"\xff", b"t" * 249, b"t/t")
_KINDS: Final[tuple[tuple[str, tuple[bytes, ...]], ...]] = (
    ("x-original-timestamp", _TIMES),
    ("x-original-timestamp", _TIMES),
    ("tenant", _TENANTS),
    ("tenant", _TENANTS),
    ("webhook-id", _IDS),
    ("x-fp-event-id", _IDS),
    ("x-attempt", _COUNTS),
    ("x-first-failed-at", _ISO),
    ("x-truncated", (b"true", b"false", b"TRUE", b"", b"zq7")),
    ("x-reason", (b"schema", b"zq7", b"")),
    ("x-worker-version", (b"zq7", b"")),
    ("__connect.errors.topic", _POSITIONS),
    ("__connect.errors.partition", _POSITIONS),
    ("__connect.errors.offset", _POSITIONS),
    ("__connect.errors.zq7", (b"zq7",)),
    ("traceparent", _TRACES),
    ("tracestate", _TRACES),
    ("repaired", _COUNTS),
    ("content-type", (b"application/json", b"\xff")),
    ("", (b"zq7", b"")),
    ("\ufffd", (b"zq7",)),
    ("zq7", (b"zq7", b"z" * 70_000, _ASCII)),
    ("z" * 40_000, (b"zq7",)),
    # The lower-case forms of these are longer, or are the same as those of an ASCII name.
    ("\u0130tenant", (b"zq7",)),
    ("\u212aey", (b"zq7",)),
)
_MARKS: Final[Headers] = [
    ("x-truncated", b"true"),
    ("x-attempt", b"3"),
    ("x-first-failed-at", b"2025-11-20T10:00:00.000000Z"),
    ("__connect.errors.topic", b"vendor.fynd.users"),
    ("__connect.errors.partition", b"3"),
    ("__connect.errors.offset", b"77"),
]
_KEYS: Final = (b"", b"zq7", b"\xff\x00", b"magine/acme/7", b"k" * 65_536, b"k" * 65_537, b"k" * 300_000)
# More headers than any proxy adds; each of them is read.
_MANY: Final = 5000
_MANY_SHARE: Final = 1 / 300


def grown_headers(rng: Random, headers: Headers) -> Headers:
    """Returns the headers with more headers of all kinds before and after them; rarely with thousands."""
    headers = list(headers)
    if rng.random() < 0.1:
        headers += _MARKS[: 1 + int(rng.random() * len(_MARKS))]
    for _ in range(1 + rng.getrandbits(2)):
        header = _header(rng)
        headers.insert(int(rng.random() * (len(headers) + 1)), header)
        if rng.random() < 0.2:  # a repeated name: the last value wins
            headers.append((_respelled(rng, header[0]), _header_value(rng, _values_of(header[0]))))
    if rng.random() < _MANY_SHARE:
        header = _header(rng)
        headers += [(header[0][:50], (header[1] or b"")[:50])] * _MANY
    return headers


def grown_key(rng: Random) -> bytes | None:
    return rng.choice(_KEYS)


def _header(rng: Random) -> tuple[str, bytes | None]:
    name, values = rng.choice(_KINDS)
    return _respelled(rng, name), _header_value(rng, values)


def _values_of(name: str) -> tuple[bytes, ...]:
    lower = name.lower()
    return next((values for known, values in _KINDS if known == lower), _IDS)


def _respelled(rng: Random, name: str) -> str:
    return rng.choice((name, name, name.upper(), name.title()))


def _header_value(rng: Random, values: tuple[bytes, ...]) -> bytes | None:
    return None if rng.random() < 0.05 else rng.choice(values)
