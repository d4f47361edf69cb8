"""What a story is: the bodies of one vendor in the order in which they are sent, and everything that is
expected.

The expectations are written by hand: nothing in a story is computed by the code that the demo shows.
All people in the stories are invented.
"""

from typing import Any, Final

from msgspec import Struct

from app.canonical import EventType
from app.outcome import DeadReason, SkipReason
from app.state import Effect

# Written in expected rows instead of the timestamp of the records, which is the time at which the demo runs.
RECORDED: Final = "(when the demo ran)"
TOMBSTONE: Final = "a tombstone"

Headers = tuple[tuple[str, bytes], ...]


class Said(Struct, frozen=True):
    """One canonical event. `sub`: the vendor's user id; `effect`: what the event does to the rows."""

    type: EventType
    sub: str
    effect: Effect = "changed"


class Emits(Struct, frozen=True):
    events: tuple[Said, ...]


class Skips(Struct, frozen=True):
    reason: SkipReason


class Dies(Struct, frozen=True):
    """The record becomes a dead letter. `path`: the JSON path that its detail must begin with."""

    reason: DeadReason
    path: str = "$"


class StoryRecord(Struct, frozen=True):
    """One record. `text` says what it shows. All records of a user have one key, so that they keep their
    order. `repeats`: an earlier record has the same body, so (source, id) must be equal."""

    text: str
    key: str
    value: bytes | None
    outcome: Emits | Skips | Dies
    headers: Headers = ()
    repeats: bool = False


class ExpectedRows(Struct, frozen=True):
    """The last values of one key on both changelogs. `loyalty`: a row, None if there never was one, or
    TOMBSTONE if it was deleted."""

    sub: str
    note: str
    user: dict[str, Any]
    loyalty: dict[str, Any] | str | None = None


class Counts(Struct, frozen=True):
    """How many records and events there are. `events`: all that are emitted; `distinct`: those that remain if
    a consumer drops repeats by (source, id)."""

    received: int
    emitted: int
    skipped: int
    dead: int
    events: int
    distinct: int


class Story(Struct, frozen=True):
    """The story of one vendor.

    `key_prefix`: how its canonical keys begin, `vendor/tenant/`. `second_act`: the text of the first body
    that is sent only when all earlier ones are in the tables. `highlight`: the text of the body whose event
    is shown whole. `tenant_setting`: the tenant in the worker's settings, if no record of this vendor names
    one.
    """

    vendor: str
    key_prefix: str
    bodies: tuple[StoryRecord, ...]
    rows: tuple[ExpectedRows, ...]
    counts: Counts
    second_act: str
    highlight: str
    tenant_setting: str = ""

    def acts(self) -> tuple[tuple[StoryRecord, ...], tuple[StoryRecord, ...]]:
        """Returns the bodies of the first act and those of the second act."""
        at = [body.text for body in self.bodies].index(self.second_act)
        return self.bodies[:at], self.bodies[at:]
