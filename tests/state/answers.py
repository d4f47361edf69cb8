"""`python -m tests.state.answers`: what `app.state` answers to histories, to compare two trees of code.

On each line of standard input there is a JSON array of canonical events, the history of one user. Standard
output has a line for each of them.
"""

import sys
from collections.abc import Callable
from hashlib import blake2b
from itertools import pairwise
from typing import NamedTuple

import msgspec

from app.canonical import Event, decode_event
from app.state import NO_ROWS, Effect, LoyaltyRow, Rows, User, apply, merge
from app.state.rules.apply import Applied
from tests.state.histories import encoded

Apply = Callable[[Event, User | None, LoyaltyRow | None], Applied]


class Answer(NamedTuple):
    """What is to be seen of one call of `apply`."""

    rows: Rows
    encoded: tuple[bytes | None, bytes | None]
    effect: Effect
    kept: tuple[bool, bool]
    """Whether the users row, and the loyalty row, is the very object that was handed in."""


def answer(by: Apply, event: Event, rows: Rows) -> Answer:
    """The answer of one `apply`."""
    user, loyalty, effect = by(event, *rows)
    after = Rows(user, loyalty)
    return Answer(after, encoded(after), effect, (user is rows.user, loyalty is rows.loyalty))


def answers(history: list[Event], by: Apply = apply) -> str:
    """A digest of all answers to a history: to each event, and to each merge of the rows before and after."""
    rows, states, said = NO_ROWS, [NO_ROWS], []
    for event in history:
        found = answer(by, event, rows)
        rows = found.rows
        states.append(rows)
        said.append(repr((found.encoded, found.effect, found.kept)))
    said += [repr(encoded(merge(after, before))) for before, after in pairwise(states)]
    return blake2b("\n".join(said).encode(), digest_size=16).hexdigest()


def main() -> None:
    for line in sys.stdin.buffer:
        print(answers([decode_event(raw) for raw in msgspec.json.decode(line, type=list[msgspec.Raw])]))


if __name__ == "__main__":
    main()
