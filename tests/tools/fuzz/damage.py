"""Edits that ignore JSON: they change bits, bytes or runs of bytes, join two bodies, or change the
encoding."""

from collections.abc import Callable
from random import Random

from tests.tools.fuzz.hostile_values import ENCODINGS, PIECES

Damage = Callable[[Random, bytes], bytes]


def _flip_a_bit(rng: Random, body: bytes) -> bytes:
    at = int(rng.random() * len(body))
    return body[:at] + bytes([body[at] ^ (1 << rng.getrandbits(3))]) + body[at + 1 :]


def _write_a_byte(rng: Random, body: bytes) -> bytes:
    at = int(rng.random() * len(body))
    return body[:at] + rng.randbytes(1) + body[at + 1 :]


def _insert_bytes(rng: Random, body: bytes) -> bytes:
    at = int(rng.random() * (len(body) + 1))
    return body[:at] + rng.randbytes(1 + rng.getrandbits(3)) + body[at:]


def _insert_a_piece(rng: Random, body: bytes) -> bytes:
    at = int(rng.random() * (len(body) + 1))
    return body[:at] + rng.choice(PIECES) + body[at:]


def _delete_bytes(rng: Random, body: bytes) -> bytes:
    at = int(rng.random() * len(body))
    return body[:at] + body[at + 1 + rng.getrandbits(4) :]


def _repeat_bytes(rng: Random, body: bytes) -> bytes:
    at = int(rng.random() * len(body))
    run = body[at : at + 1 + rng.getrandbits(6)]
    return body[:at] + run * (1 + rng.getrandbits(3)) + body[at:]


def _move_bytes(rng: Random, body: bytes) -> bytes:
    at, to = int(rng.random() * len(body)), int(rng.random() * len(body))
    end = at + 1 + rng.getrandbits(5)
    rest = body[:at] + body[end:]
    return rest[:to] + body[at:end] + rest[to:]


def _truncate(rng: Random, body: bytes) -> bytes:
    return body[: int(rng.random() * len(body))]


_DAMAGES: tuple[Damage, ...] = (
    *(_flip_a_bit, _write_a_byte, _insert_bytes, _insert_a_piece, _insert_a_piece),
    *(_delete_bytes, _delete_bytes, _repeat_bytes, _move_bytes, _truncate),
)


def damaged(rng: Random, body: bytes) -> bytes:
    """Returns the body after one to four edits; an empty body stays empty."""
    for _ in range(1 + rng.getrandbits(2)):
        if not body:
            return body
        body = rng.choice(_DAMAGES)(rng, body)
    return body


def spliced(rng: Random, body: bytes, other: bytes) -> bytes:
    """Returns the beginning of the one body and the end of the other."""
    return body[: int(rng.random() * (len(body) + 1))] + other[int(rng.random() * (len(other) + 1)) :]


def recoded(rng: Random, body: bytes) -> bytes:
    """Returns the same text in another encoding, or with bytes that some encodings put before or after it."""
    coding = rng.choice(ENCODINGS)
    if coding == "utf-8":
        return (
            rng.choice((b"\xef\xbb\xbf", b"\x00", b" ", b"\x1e", b""))
            + body
            + rng.choice((b"\x00", b"\n", b"zq7"))
        )
    return body.decode("utf-8", "replace").encode(coding, "replace")
