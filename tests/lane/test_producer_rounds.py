"""The books of the group commit, against a model that remembers every record."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from app.lane.rounds import RoundBook, Ticket

TOPIC = st.sampled_from(["canonical", "users", "loyalty"])


class RoundMachine(RuleBasedStateMachine):
    """Records are numbered; a ticket promises all that were appended before it."""

    def __init__(self) -> None:
        super().__init__()
        self.book = RoundBook()
        self.now = 0.0
        self.filling: dict[str, list[float]] = {}
        self.flying: dict[str, list[float]] = {}
        self.tickets: list[tuple[Ticket, set[float]]] = []

    @rule(topic=TOPIC)
    def append(self, topic: str) -> None:
        self.now += 1
        self.filling.setdefault(topic, []).append(self.now)
        self.book.open(topic, self.now)

    @rule(topic=TOPIC)
    def send(self, topic: str) -> None:
        allowed = topic in self.filling and topic not in self.flying
        assert self.book.may_send(topic) == allowed
        if allowed:
            self.flying[topic] = self.filling.pop(topic)
            self.book.send(topic)

    @rule(topic=TOPIC)
    def acknowledge(self, topic: str) -> None:
        if self.flying.pop(topic, None):
            self.book.acknowledge(topic)

    @rule()
    def sync(self) -> None:
        self.tickets.append((self.book.ticket(), self._unacknowledged()))

    @invariant()
    def a_ticket_is_settled_when_all_before_it_is_acknowledged_and_not_earlier(self) -> None:
        for ticket, promised in self.tickets:
            assert self.book.settled(ticket) == promised.isdisjoint(self._unacknowledged())

    @invariant()
    def the_oldest_is_the_first_that_is_not_acknowledged(self) -> None:
        assert self.book.oldest() == min(self._unacknowledged(), default=None)

    def _unacknowledged(self) -> set[float]:
        held = (*self.filling.values(), *self.flying.values())
        return {record for records in held for record in records}


TestRounds = RoundMachine.TestCase


def test_a_topic_without_a_round_neither_sends_nor_acknowledges() -> None:
    book = RoundBook()
    book.open("users", 1.0)
    with pytest.raises(RuntimeError):
        book.acknowledge("users")
    book.send("users")
    book.open("users", 2.0)
    with pytest.raises(RuntimeError):
        book.send("users")
