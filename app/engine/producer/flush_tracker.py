"""Tracks which flush rounds are sent and acknowledged, and which rounds a slice waits for.

Every destination topic has a sequence of rounds of its own, and at most one of them is in flight. So a
partition without a leader stops the rounds of its topic and of no other (docs/design.md#group-commit). There
is no I/O and no clock: times are passed in. They are monotonic, in seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass

FlushToken = Mapping[str, int]
"""For each destination topic, the number of the round that holds the last record that was appended so far."""


@dataclass(slots=True)
class _Rounds:
    sent: int = 0  # how many rounds were sent; they are numbered from 1
    acknowledged: int = 0  # how many were acknowledged: `sent`, or one less
    sent_since: float = 0.0  # when the first record of the round in flight was appended
    open_since: float | None = None  # when that of the open round was appended; None if it is empty


class FlushTracker:
    """The rounds of all destination topics of one producer."""

    def __init__(self) -> None:
        self._topics: dict[str, _Rounds] = {}

    def open(self, topic: str, now: float) -> None:
        """Notes that a record was appended to the topic's open round. Only the first of a round matters."""
        rounds = self._topics.setdefault(topic, _Rounds())
        if rounds.open_since is None:
            rounds.open_since = now

    def may_send(self, topic: str) -> bool:
        """Returns whether the open round holds anything and the round before it is acknowledged."""
        rounds = self._topics.get(topic)
        return rounds is not None and rounds.open_since is not None and rounds.sent == rounds.acknowledged

    def send(self, topic: str) -> None:
        """Notes that the open round is sent. What is appended from now on belongs to the next round.

        Raises RuntimeError if `may_send` is false.
        """
        rounds = self._topics[topic]
        if rounds.open_since is None or rounds.sent != rounds.acknowledged:
            raise RuntimeError(f"no round of {topic} may be sent now")
        rounds.sent += 1
        rounds.sent_since, rounds.open_since = rounds.open_since, None

    def acknowledge(self, topic: str) -> None:
        """Notes that every record of the round in flight is acknowledged. Raises RuntimeError if no round is
        in flight."""
        rounds = self._topics[topic]
        if rounds.sent == rounds.acknowledged:
            raise RuntimeError(f"no round of {topic} is in flight")
        rounds.acknowledged += 1

    def token(self) -> FlushToken:
        """Returns the token that is settled when everything that was appended so far is acknowledged."""
        token: dict[str, int] = {}
        for topic, rounds in self._topics.items():
            if rounds.open_since is not None:
                token[topic] = rounds.sent + 1
            elif rounds.sent > rounds.acknowledged:
                token[topic] = rounds.sent
        return token

    def settled(self, token: FlushToken) -> bool:
        """Returns whether all rounds of the token are acknowledged."""
        return all(self._topics[topic].acknowledged >= number for topic, number in token.items())

    def oldest(self) -> float | None:
        """Returns when the oldest record that is not acknowledged was appended, or None if there is none."""
        since = [
            rounds.sent_since if rounds.sent > rounds.acknowledged else rounds.open_since
            for rounds in self._topics.values()
        ]
        return min((moment for moment in since if moment is not None), default=None)
