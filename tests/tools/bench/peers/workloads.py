"""What the systems are measured with: named sequences of bodies. A body is a pure function of its number, so
every run and every round reads the same."""

from collections.abc import Callable, Iterator
from random import Random
from typing import Final, NamedTuple

from msgspec import Struct

from tests.tools.bench.bodies import MIXES, encode, update_or_score, user_of
from tests.tools.bench.bodies.common import Json
from tests.tools.bench.bodies.selfcommunity import long_profile, profile_updated, score_updated, short_score

_HOT: Final = 5_000
_MANY: Final = 1_000_000
# A retry of a vendor is seldom the next record.
_REPEATED_AFTER: Final = 1_000


class Body(NamedTuple):
    """A record for the topic of a vendor. Its key is the user, as with a producer that wants the events of a
    user in order."""

    vendor: str
    key: bytes
    value: bytes


class Workload(Struct, frozen=True, kw_only=True):
    """Bodies of these vendors. `body` makes one of its number and the number of users."""

    name: str
    title: str
    body: Callable[[int, int], Body]
    users: int = _HOT
    vendors: tuple[str, ...] = ("selfcommunity",)

    def bodies(self, count: int, users: int = 0) -> Iterator[Body]:
        """Yields the first `count` bodies. `users`: of how many users they are, if not of `self.users`."""
        return (self.body(number, users or self.users) for number in range(count))


def _plain(number: int, users: int) -> Body:
    return _selfcommunity(user_of(number, users), update_or_score(number, users))


def _mixed(number: int, users: int) -> Body:
    """The vendors take turns. The user is drawn, or some users would have nothing but deletions."""
    turn, which = divmod(number, len(MIXES))
    vendor = list(MIXES)[which]
    user = int(_drawn(number) * users)
    return Body(vendor, b"%d" % user, encode(MIXES[vendor](turn, user)))


def _skewed(number: int, users: int) -> Body:
    """The user of rank n has a share of about 1/n, as in Zipf's law: of a million users the first 5,000 have
    three fifths of the events."""
    rank = int((users + 1) ** _drawn(number)) - 1
    user = user_of(rank, users)  # neighbours in rank are not neighbours in the tables
    make = profile_updated if number % 2 else score_updated
    return _selfcommunity(user, encode(make(number, user)))


def _drawn(number: int) -> float:
    """Returns a number from 0 to below 1, which only `number` decides."""
    return Random(number).random()


def _always(make: Callable[[int, int], Json]) -> Callable[[int, int], Body]:
    def body(number: int, users: int) -> Body:
        user = user_of(number, users)
        return _selfcommunity(user, encode(make(number, user)))

    return body


def _twice(number: int, users: int) -> Body:
    passed, within = divmod(number, 2 * _REPEATED_AFTER)
    return _plain(passed * _REPEATED_AFTER + within % _REPEATED_AFTER, users)


def _selfcommunity(user: int, value: bytes) -> Body:
    return Body("selfcommunity", b"%d" % user, value)


WORKLOADS: Final = {
    workload.name: workload
    for workload in (
        Workload(name="selfcommunity", title="SelfCommunity's updates and scores, 5,000 users", body=_plain),
        Workload(
            name="mix", title="all five vendors in turn, 5,000 users", body=_mixed, vendors=tuple(MIXES)
        ),
        Workload(
            name="skew", title="updates and scores, 1,000,000 users by Zipf's law", body=_skewed, users=_MANY
        ),
        Workload(name="small", title="scores of 300 bytes, 5,000 users", body=_always(short_score)),
        Workload(name="large", title="profiles of 8 KB, 5,000 users", body=_always(long_profile)),
        Workload(name="repeats", title="updates and scores, each event twice, 5,000 users", body=_twice),
    )
}
