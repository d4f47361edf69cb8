"""The tracker of the group commit, against a model that remembers every record."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from app.engine.producer.flush_tracker import FlushToken, FlushTracker

TOPIC = st.sampled_from(["canonical", "users", "loyalty"])


class RoundMachine(RuleBasedStateMachine):
    """Records are numbered. A token covers all that were appended before it."""

    def __init__(self) -> None:
        super().__init__()
        self.tracker = FlushTracker()
        self.now = 0.0
        self.filling: dict[str, list[float]] = {}
        self.in_flight: dict[str, list[float]] = {}
        self.tokens: list[tuple[FlushToken, set[float]]] = []

    @rule(topic=TOPIC)
    def append(self, topic: str) -> None:
        self.now += 1
        self.filling.setdefault(topic, []).append(self.now)
        self.tracker.open(topic, self.now)

    @rule(topic=TOPIC)
    def send(self, topic: str) -> None:
        allowed = topic in self.filling and topic not in self.in_flight
        assert self.tracker.may_send(topic) == allowed
        if allowed:
            self.in_flight[topic] = self.filling.pop(topic)
            self.tracker.send(topic)

    @rule(topic=TOPIC)
    def acknowledge(self, topic: str) -> None:
        if self.in_flight.pop(topic, None):
            self.tracker.acknowledge(topic)

    @rule()
    def flush(self) -> None:
        self.tokens.append((self.tracker.token(), self._unacknowledged()))

    @invariant()
    def a_token_is_settled_when_all_before_it_is_acknowledged_and_not_earlier(self) -> None:
        for token, promised in self.tokens:
            assert self.tracker.settled(token) == promised.isdisjoint(self._unacknowledged())

    @invariant()
    def the_oldest_is_the_first_that_is_not_acknowledged(self) -> None:
        assert self.tracker.oldest() == min(self._unacknowledged(), default=None)

    def _unacknowledged(self) -> set[float]:
        unacknowledged = (*self.filling.values(), *self.in_flight.values())
        return {record for records in unacknowledged for record in records}


TestRounds = RoundMachine.TestCase


def test_a_topic_without_a_round_neither_sends_nor_acknowledges() -> None:
    tracker = FlushTracker()
    tracker.open("users", 1.0)
    with pytest.raises(RuntimeError):
        tracker.acknowledge("users")
    tracker.send("users")
    tracker.open("users", 2.0)
    with pytest.raises(RuntimeError):
        tracker.send("users")
