"""Compares, in one process, an event that is folded into the rows of its key with the least that this can
cost, and a repeat of it with a new one. Ratios depend less on the machine than speeds do."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

from app.canonical import decode_event, encode_event
from app.cli.convert import Line
from app.outcome import Emit
from app.state import (
    NO_ROWS,
    Rows,
    apply,
    changed_loyalty,
    changed_user,
    concerns_loyalty,
    encode_loyalty,
    encode_user,
    stored_loyalty,
    stored_user,
)
from app.vendors import VENDORS, Options, convert
from tests.tools.bench.bodies import bodies
from tests.tools.bench.turns import micros_by_turns

_USERS: Final = 200
_RECORDED_MS: Final = 1_735_689_600_000


class Folded(NamedTuple):
    """An event and the rows of its key, all of them bytes."""

    event: bytes
    user: bytes | None
    loyalty: bytes | None


class Costs(NamedTuple):
    """CPU microseconds an event."""

    new: float
    floor: float
    repeat: float

    def ratios(self) -> str:
        """Returns new/floor and repeat/new, as text."""
        return f"{self.new / self.floor:.2f} and {self.repeat / self.new:.2f}"


def fold_bytes(it: Folded) -> Folded:
    """Returns the event, and the rows after it, with all that the worker does for one event: the decoding,
    the fold, the encoding and the header of the rows that change."""
    event = decode_event(it.event)
    user_row, loyalty_row = it.user, it.loyalty
    user = None if user_row is None else stored_user(user_row)
    loyalty = stored_loyalty(loyalty_row) if loyalty_row is not None and concerns_loyalty(event) else None
    new_user, new_loyalty, _ = apply(event, user, loyalty)
    if new_user is not user:
        user_row = None if new_user is None else encode_user(new_user)
        changed_user(user, new_user, it.user, user_row)
    if new_loyalty is not loyalty:
        loyalty_row = None if new_loyalty is None else encode_loyalty(new_loyalty)
        changed_loyalty(loyalty, new_loyalty)
    return Folded(it.event, user_row, loyalty_row)


class _Floor(NamedTuple):
    """What cannot be avoided: the event and the rows that it concerns become Python objects, and those that
    change become bytes."""

    decoded: Sequence[bytes]
    encoded: Sequence[Any]


def _least_of(it: Folded) -> _Floor:
    event, after = decode_event(it.event), fold_bytes(it)
    rows = [it.user, it.loyalty if concerns_loyalty(event) else None]
    written = [row for row, before in ((after.user, it.user), (after.loyalty, it.loyalty)) if row != before]
    return _Floor(
        [it.event, *(row for row in rows if row is not None)],
        [msgspec.json.decode(row) for row in written if row is not None],
    )


_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def _pay(floor: _Floor) -> None:
    for value in floor.decoded:
        _decode(value)
    for row in floor.encoded:
        _encode(row)


def measure(vendors: Sequence[str]) -> Costs:
    """Returns the costs of the documented events of these vendors, in the proportions of an ordinary day.
    Every user has rows before."""
    new = [it for vendor in vendors for it in _folded(vendor)]
    repeats = [fold_bytes(it) for it in new]
    floors = [_least_of(it) for it in new]
    return Costs(*micros_by_turns((fold_bytes, new), (_pay, floors), (fold_bytes, repeats)))


def _folded(vendor: str) -> list[Folded]:
    """Returns an event for each user, with the rows before it."""
    rows: dict[str, Rows] = {}
    found: dict[str, Folded] = {}
    for offset, body in enumerate(bodies(vendor, 12 * _USERS, users=_USERS)):
        outcome = convert(VENDORS[vendor], Line(offset, _RECORDED_MS, [], body), "bench/0", Options())
        for event in outcome.events if isinstance(outcome, Emit) else ():
            before = rows.get(event.partitionkey, NO_ROWS)
            if before.user is not None:
                found[event.partitionkey] = Folded(
                    encode_event(event),
                    encode_user(before.user),
                    None if before.loyalty is None else encode_loyalty(before.loyalty),
                )
            user, loyalty, _ = apply(decode_event(encode_event(event)), *before)
            rows[event.partitionkey] = Rows(user, loyalty)
    return list(found.values())
