"""Makes bodies as the vendors send them: with the shapes of their documentation, for many users.

A body is a pure function of a number, so that two runs, and both sides of a comparison, get the same bytes.
"""

import json
from collections.abc import Callable, Iterator
from typing import Final

from tests.tools.bench.bodies.amity import amity
from tests.tools.bench.bodies.common import Json
from tests.tools.bench.bodies.fynd import fynd
from tests.tools.bench.bodies.magine import magine
from tests.tools.bench.bodies.rocketchat import rocketchat
from tests.tools.bench.bodies.selfcommunity import profile_updated, score_updated, selfcommunity

# A stride without a common factor with the number of users: every user comes once in each pass, and
# neighbours in the topic are not neighbours in the tables.
_STRIDE: Final = 7919

MIXES: Final[dict[str, Callable[[int, int], Json]]] = {
    "selfcommunity": selfcommunity,
    "fynd": fynd,
    "magine": magine,
    "rocketchat": rocketchat,
    "amity": amity,
}
"""For each vendor the function that makes its documented events, in the proportions of an ordinary day."""


def maker_of(vendor: str) -> Callable[[int, int], Json]:
    """Returns the function that makes a body of a number and a user. Raises LookupError for a vendor without
    bodies."""
    if vendor not in MIXES:
        raise LookupError(f"{vendor} has no bodies: tests/tools/bench/bodies/{vendor}.py makes them")
    return MIXES[vendor]


def bodies(vendor: str, count: int, *, users: int = 5_000, first: int = 0) -> Iterator[bytes]:
    """Yields `count` bodies of the vendor, from the number `first` on."""
    make = maker_of(vendor)
    for number in range(first, first + count):
        yield encode(make(number, user_of(number, users)))


def user_of(number: int, users: int) -> int:
    """Returns the number of the user whom the body of this number is about, from 0."""
    return number * _STRIDE % users


def score_and_profile(user: int, version: int = 0) -> tuple[bytes, bytes]:
    """Returns a score and then a profile of one SelfCommunity user. Those of version 0 are older than any
    body above number 1, and each version is newer than the one before."""
    return encode(score_updated(2 * version, user)), encode(profile_updated(2 * version + 1, user))


def updates_and_scores(count: int, *, users: int = 5_000, first: int = 0) -> Iterator[bytes]:
    """Yields, in turn, the two kinds of SelfCommunity's bodies that together change both tables: a whole
    profile and a score.

    Each user has one body in each pass of `users` bodies, and a body of the other kind in the next pass.
    """
    for number in range(first, first + count):
        yield update_or_score(number, users)


def update_or_score(number: int, users: int) -> bytes:
    """Returns the body of this number of `updates_and_scores`."""
    user = user_of(number, users)
    make = profile_updated if (number // users + user) % 2 else score_updated
    return encode(make(number, user))


def encode(body: Json) -> bytes:
    """Returns the bytes of a body."""
    # As most senders write JSON: with blanks after separators, and only ASCII unescaped.
    return json.dumps(body).encode()
