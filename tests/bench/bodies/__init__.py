"""Bodies as the vendors send them: the shapes of their documentation, filled with many users.

A pure function of a number, so that two runs, and the two sides of a comparison, get the same bytes.
"""

import json
from collections.abc import Callable, Iterator
from typing import Final

from tests.bench.bodies.amity import amity
from tests.bench.bodies.common import Json
from tests.bench.bodies.fynd import fynd
from tests.bench.bodies.magine import magine
from tests.bench.bodies.rocketchat import rocketchat
from tests.bench.bodies.selfcommunity import profile_updated, score_updated, selfcommunity

# A stride that shares no factor with a number of users: every user comes once in each pass, and
# neighbours in the topic are not neighbours in the tables.
_STRIDE: Final = 7919

MIXES: Final[dict[str, Callable[[int, int], Json]]] = {
    "selfcommunity": selfcommunity,
    "fynd": fynd,
    "magine": magine,
    "rocketchat": rocketchat,
    "amity": amity,
}
"""For each vendor the maker of its documented events, in the proportions of ordinary days."""


def bodies(vendor: str, count: int, *, users: int = 5_000, first: int = 0) -> Iterator[bytes]:
    """`count` bodies of the vendor, the numbers `first` and up."""
    make = MIXES[vendor]
    for number in range(first, first + count):
        yield _encode(make(number, user_of(number, users)))


def user_of(number: int, users: int) -> int:
    """Whom the body of this number is about, from 0."""
    return number * _STRIDE % users


def first_two(user: int) -> tuple[bytes, bytes]:
    """A score and then a profile of one SelfCommunity user, older than any body above number 1."""
    return _encode(score_updated(0, user)), _encode(profile_updated(1, user))


def updates_and_scores(count: int, *, users: int = 5_000, first: int = 0) -> Iterator[bytes]:
    """SelfCommunity's two that together change both tables, by turns: a whole profile, and a score.

    Each user is named once in a pass of `users` bodies, and gets the other kind in the next pass.
    """
    for number in range(first, first + count):
        user = user_of(number, users)
        make = profile_updated if (number // users + user) % 2 else score_updated
        yield _encode(make(number, user))


def _encode(body: Json) -> bytes:
    # As most senders do it: blanks after separators, everything but ASCII escaped.
    return json.dumps(body).encode()
