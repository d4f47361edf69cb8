"""What a story is: the bodies of one vendor in the order of their sending, and all that must come of them.

The expectations are written by hand, from the contract: nothing here is computed by the code that the
demo shows. Everybody in the stories is invented.
"""

import json
from typing import Any, Final

from msgspec import Struct

from app.canonical import EventType
from app.outcome import DeadReason, SkipReason
from app.state import Effect

# Stands in expected rows for the timestamp of the records, which is when the demo runs.
RECORDED: Final = "(when the demo ran)"
TOMBSTONE: Final = "a tombstone"
MEBIBYTE: Final = 1 << 20

Headers = tuple[tuple[str, bytes], ...]


class Said(Struct, frozen=True):
    """One canonical event: of whom (the vendor's user id), and what it does to the rows."""

    type: EventType
    sub: str
    effect: Effect = "changed"


class Emits(Struct, frozen=True):
    events: tuple[Said, ...]


class Skips(Struct, frozen=True):
    reason: SkipReason


class Dies(Struct, frozen=True):
    """`place`: where in the body the dead letter's detail must point."""

    reason: DeadReason
    place: str = "$"


class Body(Struct, frozen=True):
    """One record. `text` says what it shows. Records of one key keep their order, so a user's records
    have one key. `repeats`: an earlier record tells the same, so (source, id) must be equal."""

    text: str
    key: str
    value: bytes | None
    outcome: Emits | Skips | Dies
    headers: Headers = ()
    repeats: bool = False


class Rows(Struct, frozen=True):
    """The last values of one key on both changelogs. `loyalty`: a row, None (there never was one) or
    TOMBSTONE (there was, and it is gone)."""

    sub: str
    note: str
    user: dict[str, Any]
    loyalty: dict[str, Any] | str | None = None


class Counts(Struct, frozen=True):
    """`events` were emitted; `distinct` of them remain for a consumer that drops repeats by (source, id)."""

    received: int
    emitted: int
    skipped: int
    dead: int
    events: int
    distinct: int


class Story(Struct, frozen=True):
    """`key_prefix`: of the canonical keys, `vendor/tenant/`. `second_act`: the text of the body with which
    it begins; it is sent when the first act is in the tables. `highlight`: of the body whose event is shown
    whole. `tenant_setting`: the tenant of this vendor's records, none of which names one."""

    vendor: str
    key_prefix: str
    bodies: tuple[Body, ...]
    rows: tuple[Rows, ...]
    counts: Counts
    second_act: str
    highlight: str
    tenant_setting: str = ""

    def acts(self) -> tuple[tuple[Body, ...], tuple[Body, ...]]:
        """The bodies before and after the interval."""
        at = [body.text for body in self.bodies].index(self.second_act)
        return self.bodies[:at], self.bodies[at:]


def emits(kind: EventType, sub: str, effect: Effect = "changed") -> Emits:
    return Emits((Said(kind, sub, effect),))


def encoded(body: object) -> bytes:
    """A body as a webhook sends it."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def header(**values: str) -> Headers:
    """Record headers; `webhook_id` stands for `webhook-id`."""
    return tuple((name.replace("_", "-"), value.encode()) for name, value in values.items())
