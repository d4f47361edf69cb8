"""The closed sets of words in events, rows, dead letters and metrics."""

from typing import Any, Final, get_args

from app.canonical import DeletionKind, EventType, Snapshot, Status, TimeSource
from app.outcome import DeadReason, SkipReason
from app.schemas.struct_schema import Json, document
from app.state import Effect
from app.state.rules.rows import Kind

_SETS: Final[dict[str, tuple[str, Any]]] = {
    "EventType": ("`type` of an event.", EventType),
    "Snapshot": ("`data.snapshot` of an event.", Snapshot),
    "Status": ("The status of a user.", Status),
    "TimeSource": ("`timesource` of an event.", TimeSource),
    "DeletionKind": ("`data.deletion.kind` of an event.", DeletionKind),
    "SkipReason": ("Why no event is made of a known record.", SkipReason),
    "DeadReason": ("Why a record is dead: the header `x-reason` of its dead letter.", DeadReason),
    "Effect": ("What an event did to the rows of its user, in metrics.", Effect),
    "BalanceKind": ("Which balance an entry of a loyalty row has changed.", Kind),
}


def closed_sets_schema() -> Json:
    """Returns the schema document that defines each closed set. By itself it accepts everything."""
    definitions: dict[str, Json] = {
        name: {"description": text, "enum": list(get_args(words))} for name, (text, words) in _SETS.items()
    }
    text = "Definitions to refer to. A later version may add words to a set."
    return document("urn:rollcall:closed-sets", "The closed sets of Rollcall", text, {}, definitions)
