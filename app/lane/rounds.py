"""Which flush round holds what, and which are acknowledged: the books of the group commit.

Every destination topic has its own sequence of rounds, at most one of them in flight, so that one
leaderless partition stops its topic's rounds and no other's (lane.md, section 3). No I/O, no clock:
times are passed in.
"""

from collections.abc import Mapping
from dataclasses import dataclass

Ticket = Mapping[str, int]
"""Per destination topic, the number of the round that holds the last record appended so far."""


@dataclass(slots=True)
class _Rounds:
    sent: int = 0  # rounds sent; they are numbered from 1
    acknowledged: int = 0  # rounds acknowledged; `sent` or one less
    sent_since: float = 0.0  # when the first record of the round in flight was appended
    open_since: float | None = None  # the same of the round that is filling up, None while it is empty


class RoundBook:
    """The rounds of all destination topics of one producer."""

    def __init__(self) -> None:
        self._topics: dict[str, _Rounds] = {}

    def open(self, topic: str, now: float) -> None:
        """A record was appended to the topic's open round; only the first of a round matters."""
        rounds = self._topics.setdefault(topic, _Rounds())
        if rounds.open_since is None:
            rounds.open_since = now

    def may_send(self, topic: str) -> bool:
        """Whether the open round holds anything and the one before it is acknowledged."""
        rounds = self._topics.get(topic)
        return rounds is not None and rounds.open_since is not None and rounds.sent == rounds.acknowledged

    def send(self, topic: str) -> None:
        """The open round goes out; what is appended from now on belongs to the next one.

        Raises RuntimeError where `may_send` is false."""
        rounds = self._topics[topic]
        if rounds.open_since is None or rounds.sent != rounds.acknowledged:
            raise RuntimeError(f"no round of {topic} may be sent now")
        rounds.sent += 1
        rounds.sent_since, rounds.open_since = rounds.open_since, None

    def acknowledge(self, topic: str) -> None:
        """Every record of the round in flight is acknowledged. Raises RuntimeError where none is."""
        rounds = self._topics[topic]
        if rounds.sent == rounds.acknowledged:
            raise RuntimeError(f"no round of {topic} is in flight")
        rounds.acknowledged += 1

    def ticket(self) -> Ticket:
        """What has to be acknowledged before everything appended so far is."""
        ticket: dict[str, int] = {}
        for topic, rounds in self._topics.items():
            if rounds.open_since is not None:
                ticket[topic] = rounds.sent + 1
            elif rounds.sent > rounds.acknowledged:
                ticket[topic] = rounds.sent
        return ticket

    def settled(self, ticket: Ticket) -> bool:
        """Whether everything that the ticket stands for is acknowledged."""
        return all(self._topics[topic].acknowledged >= number for topic, number in ticket.items())

    def oldest(self) -> float | None:
        """When the oldest record that is not acknowledged was appended, None if there is none."""
        since = [
            rounds.sent_since if rounds.sent > rounds.acknowledged else rounds.open_since
            for rounds in self._topics.values()
        ]
        return min((moment for moment in since if moment is not None), default=None)
