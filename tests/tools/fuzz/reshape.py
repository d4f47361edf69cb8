"""Edits that understand JSON: other values and names, repeated or missing members, deeper nesting, longer
texts."""

from collections.abc import Callable
from random import Random
from typing import Final

from tests.tools.fuzz.corpus import Pool, Seed
from tests.tools.fuzz.hostile_values import BROKEN, NAMES, NUMBERS, PIECES, TEXTS, TIMES, VALUES
from tests.tools.fuzz.sites import Edit, Site, cut, edited

Reshape = Callable[[Random, Seed, Site], Edit]

# Depths around the limits of the decoder, of Rollcall (700, app/nesting.py) and of Python's stack.
_DEPTHS: Final = (
    1,
    1,
    1,
    1,
    2,
    2,
    2,
    3,
    3,
    4,
    5,
    10,
    30,
    100,
    690,
    697,
    699,
    700,
    701,
    710,
    711,
    990,
    1100,
    5000,
)
_LARGEST: Final = 1 << 20
_BLANKS: Final = (b" ", b"\n", b"\t\t", b"\r\n", b"\x0b", b"\xc2\xa0", b"/**/", b" " * 100)
_DIGITS: Final = b"0123456789"


def _replace(rng: Random, seed: Seed, site: Site) -> Edit:
    return Edit(site.value, site.end, rng.choice(VALUES))


def _break(rng: Random, seed: Seed, site: Site) -> Edit:
    return Edit(site.value, site.end, rng.choice(BROKEN))


def _replace_time(rng: Random, seed: Seed, site: Site) -> Edit:
    return Edit(site.value, site.end, rng.choice(TIMES))


def _replace_number(rng: Random, seed: Seed, site: Site) -> Edit:
    return Edit(site.value, site.end, rng.choice(NUMBERS))


def _replace_text(rng: Random, seed: Seed, site: Site) -> Edit:
    return Edit(site.value, site.end, rng.choice(TEXTS))


def _replace_by_kin(rng: Random, seed: Seed, site: Site) -> Edit:
    """Replaces the value by one that another body of the vendor has under the same name."""
    kin = seed.pool.values.get(site.name)
    return Edit(site.value, site.end, rng.choice(kin or seed.pool.all_values))


def _replace_by_any(rng: Random, seed: Seed, site: Site) -> Edit:
    return Edit(site.value, site.end, rng.choice(seed.pool.all_values))


def _delete(rng: Random, seed: Seed, site: Site) -> Edit:
    return cut(seed.body, site)


def _rename(rng: Random, seed: Seed, site: Site) -> Edit:
    if not site.name:
        return _replace(rng, seed, site)
    return Edit(site.start, site.start + len(site.name), rng.choice(_names(rng, seed.pool)))


def _repeat(rng: Random, seed: Seed, site: Site) -> Edit:
    """Repeats the member or element, as it is or with another value. If a name repeats, the last value
    wins."""
    value = seed.body[site.value : site.end] if rng.getrandbits(1) else rng.choice(VALUES)
    member = seed.body[site.start : site.value] + value
    before = rng.getrandbits(1)
    at = site.start if before else site.end
    copies = b",".join([member] * (1 + rng.getrandbits(2)))
    return Edit(at, at, copies + b"," if before else b"," + copies)


def _add(rng: Random, seed: Seed, site: Site) -> Edit:
    """Adds a member with a name that has a meaning, next to the value or inside of it."""
    name = rng.choice(_names(rng, seed.pool))
    value = rng.choice(seed.pool.values.get(name, VALUES) if rng.getrandbits(1) else VALUES)
    if seed.body[site.value : site.value + 1] == b"{":
        inside = site.value + 1
        return Edit(
            inside, inside, name + b":" + value + (b"" if seed.body[inside : inside + 1] == b"}" else b",")
        )
    return Edit(site.start, site.start, (name + b":" if site.name else b"") + value + b",")


def _deepen(rng: Random, seed: Seed, site: Site) -> Edit:
    depth = rng.choice(_DEPTHS)
    opening, closing = rng.choice(((b"[", b"]"), (b'{"zq7":', b"}"), (b'[{"id":', b"}]")))
    value = seed.body[site.value : site.end]
    return Edit(site.value, site.end, opening * depth + value + closing * depth)


def _into_text(rng: Random, seed: Seed, site: Site) -> Edit:
    """Inserts a piece into a text, or before or after another value."""
    at = site.value + 1 + int(rng.random() * (site.end - site.value - 1))
    return Edit(at, at, rng.choice(PIECES))


def _another_digit(rng: Random, seed: Seed, site: Site) -> Edit:
    """Changes a digit, so that a time, count or id becomes another one."""
    at = site.value + int(rng.random() * (site.end - site.value))
    if seed.body[at] not in _DIGITS:
        return _replace_by_kin(rng, seed, site)
    return Edit(at, at + 1, b"%d" % int(rng.random() * 10))


def _escape_a_letter(rng: Random, seed: Seed, site: Site) -> Edit:
    """Replaces a letter in a name or text by JSON's other spelling of it."""
    at = site.start + int(rng.random() * (site.end - site.start))
    letter = seed.body[at : at + 1]
    return Edit(at, at + 1, b"\\u%04x" % letter[0] if letter.isalpha() else letter)


def _blank(rng: Random, seed: Seed, site: Site) -> Edit:
    return Edit(site.value, site.value, rng.choice(_BLANKS))


_RESHAPES: Final[tuple[Reshape, ...]] = (
    *(_replace, _replace, _replace, _replace_number, _replace_text, _replace_time),
    *(_replace_by_kin, _replace_by_kin, _replace_by_kin, _replace_by_any),
    *(_replace_by_kin, _replace_by_kin, _delete, _delete, _rename, _repeat, _repeat, _add, _add),
    *(_deepen, _break, _into_text, _another_digit, _another_digit, _another_digit, _escape_a_letter, _blank),
)


def _names(rng: Random, pool: Pool) -> tuple[bytes, ...]:
    return pool.names if rng.random() < 0.7 else NAMES


def reshaped(rng: Random, seed: Seed) -> bytes:
    """Returns the body after edits at one to four of its sites."""
    if not seed.sites:
        return seed.body
    count = 1 if rng.getrandbits(1) else 1 + rng.getrandbits(2)
    return edited(seed.body, [rng.choice(_RESHAPES)(rng, seed, rng.choice(seed.sites)) for _ in range(count)])


def grown(rng: Random, seed: Seed) -> bytes:
    """Returns the body with one or two of its values repeated, lengthened or nested until it has about a
    mebibyte."""
    if not seed.sites:
        return seed.body * (_LARGEST // (len(seed.body) + 1))
    chosen = [rng.choice(seed.sites) for _ in range(1 + rng.getrandbits(1))]
    room = (_LARGEST - len(seed.body)) // len(chosen) - 16
    return edited(seed.body, [_grow(rng, seed, site, room) for site in chosen])


def _grow(rng: Random, seed: Seed, site: Site, room: int) -> Edit:
    value = seed.body[site.value : site.end]
    member = seed.body[site.start : site.end]
    match rng.getrandbits(3):
        case 0 | 1 | 2:  # many copies of it, in its own array or object
            return Edit(site.start, site.end, b",".join([member] * max(1, room // (len(member) + 1))))
        case 3:
            return Edit(
                site.value, site.end, b"[" + b",".join([value] * max(1, room // (len(value) + 1))) + b"]"
            )
        case 4 | 5:
            piece = rng.choice(PIECES)
            return Edit(site.value, site.end, b'"' + piece * (room // len(piece)) + b'"')
        case 6:
            return Edit(site.value, site.end, rng.choice((b"1", b"-1.", b"0.", b"1e")) + b"7" * room)
        case _:
            filler = rng.choice((b"[", b"{},", b'{"a":', b" ", b"null,", b"[],", b'"a":1,'))
            return Edit(site.value, site.value, filler * (room // len(filler)))
