"""What must be true of the rows after any events that the decoder accepts (docs/tables.md)."""

from app.canonical import Event, InvalidEvent, decode_event
from app.state import (
    EFFECTS,
    NO_ROWS,
    Effect,
    Rows,
    apply,
    decode_loyalty,
    decode_user,
    encode_loyalty,
    encode_user,
    fold,
    loyalty_supersedes,
    merge,
    user_supersedes,
)
from tests.state.oracle import is_promised
from tests.tools.fuzz.finding import demand
from tests.tools.fuzz.hostile_values import SENTINEL

Encoded = tuple[bytes | None, bytes | None]


def decoded(value: bytes) -> Event | str:
    """Returns the event, or the reason why it is invalid. Raises Finding, and every error of `decode_event`
    but InvalidEvent."""
    try:
        event = decode_event(value)
    except InvalidEvent as invalid:
        demand(SENTINEL.decode() not in str(invalid), "a refusal has no text of the payload")
        demand(invalid.__context__ is None or invalid.__suppress_context__, "a refusal quotes no other error")
        return str(invalid)
    return event


def check_history(events: list[Event]) -> list[Effect]:
    """Returns what each event did to the rows of its key. Raises Finding, and every error of the state."""
    by_key: dict[str, list[Event]] = {}
    for event in events:
        by_key.setdefault(event.partitionkey, []).append(event)
    return [effect for key, those in by_key.items() for effect in _check_key(key, those)]


def _check_key(key: str, events: list[Event]) -> list[Effect]:
    # Rollcall never writes a key that contradicts its user. Such a key must do no harm, but the laws are not
    # for it.
    lawful = len({(event.vendor, event.tenant, event.data.user["sub"]) for event in events}) == 1
    rows, effects = NO_ROWS, []
    for event in events:
        rows, effect = _applied(event, rows, lawful)
        effects.append(effect)
    _check_rows(rows)
    demand(_encoded(fold(events)[key]) == _encoded(rows), "fold is apply for each")
    if lawful and len(events) > 1:
        _check_order(events, rows)
    return effects


def _applied(event: Event, before: Rows, lawful: bool) -> tuple[Rows, Effect]:
    unchanged = _encoded(before)
    user, loyalty, effect = apply(event, before.user, before.loyalty)
    after = Rows(user, loyalty)
    demand(effect in EFFECTS, "the effect is of the closed set")
    demand(_encoded(before) == unchanged, "apply leaves the rows that it is given")
    if not lawful:
        return after, effect
    demand(
        (_encoded(after) != unchanged) == (effect == "changed"), "the effect says whether the rows changed"
    )
    user, loyalty, effect_again = apply(event, user, loyalty)
    demand(_encoded(Rows(user, loyalty)) == _encoded(after), "an event twice is the event once")
    demand(effect_again != "changed", "a repeat changes nothing")
    if before != NO_ROWS:
        _check_supersedes(before, after)
    return after, effect


def _check_supersedes(older: Rows, newer: Rows) -> None:
    """Checks the short way of a restore: if `supersedes` is True, the merge must be the newer row."""
    old_user, old_loyalty = _encoded(older)
    new_user, new_loyalty = _encoded(newer)
    merged_user, merged_loyalty = _encoded(merge(older, newer))
    if old_user and new_user and user_supersedes(old_user, new_user):
        demand(merged_user == new_user, "a row that supersedes is the merge")
    alive = new_loyalty is not None and merged_loyalty is not None
    if alive and old_loyalty and new_loyalty and loyalty_supersedes(old_loyalty, new_loyalty):
        demand(merged_loyalty == new_loyalty, "a loyalty row that supersedes is the merge")


def _check_rows(rows: Rows) -> None:
    encoded = _encoded(rows)
    user, loyalty = encoded
    demand(user is None or encode_user(decode_user(user)) == user, "a users row survives its encoding")
    demand(
        loyalty is None or encode_loyalty(decode_loyalty(loyalty)) == loyalty,
        "a loyalty row survives its encoding",
    )
    demand(_encoded(merge(rows, rows)) == encoded, "merge is idempotent")
    demand(_encoded(merge(rows, NO_ROWS)) == encoded, "no rows are merge's neutral element")


def _check_order(events: list[Event], rows: Rows) -> None:
    """Checks that the order of a user's events changes nothing, if that is promised of them, and that merge
    is commutative in any case."""
    key, middle = events[0].partitionkey, len(events) // 2
    first, last = fold(events[:middle])[key], fold(events[middle:])[key]
    joined = _encoded(merge(first, last))
    demand(_encoded(merge(last, first)) == joined, "merge is commutative")
    if is_promised(events):
        expected = _encoded(rows)
        demand(_encoded(fold(events[::-1])[key]) == expected, "the order of the events changes nothing")
        demand(joined == expected, "the merge of two folds is the fold of the union")


def _encoded(rows: Rows) -> Encoded:
    return (
        None if rows.user is None else encode_user(rows.user),
        None if rows.loyalty is None else encode_loyalty(rows.loyalty),
    )
