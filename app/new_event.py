"""The canonical event as the mappers make it. Readers decode `app.canonical.Event`, which has the same
members in the same order; a test compares the two.

They differ in what a mapper can write faster: its claims and attributes are fields of a struct of its own,
which is filled in one call, and encoded without a look at names. A dictionary is as good, only slower.
"""

from typing import Any

from msgspec import UNSET, Struct, UnsetType

from app.canonical import Actor, Deletion, Envelope, Login, Points, Presence, Score, Snapshot, Status

NamedValues = Struct | dict[str, Any]
"""Values by name. A field of a struct with the value UNSET is absent, and so is one with its default if the
struct has `omit_defaults`."""


class NewData(Struct, gc=False):
    """What the event says of the user, as `app.canonical.Data`. `user` has at least `sub`."""

    snapshot: Snapshot
    status: Status | UnsetType
    user: NamedValues
    attributes: NamedValues | UnsetType = UNSET
    settings: NamedValues | UnsetType = UNSET
    score: Score | UnsetType = UNSET
    points: Points | UnsetType = UNSET
    presence: Presence | UnsetType = UNSET
    login: Login | UnsetType = UNSET
    deletion: Deletion | UnsetType = UNSET
    previous: NamedValues | UnsetType = UNSET
    actor: Actor | UnsetType = UNSET
    note: str | UnsetType = UNSET


class NewEvent(Envelope, gc=False, kw_only=True):
    """One canonical event that a mapper has made."""

    data: NewData
