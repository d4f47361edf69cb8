"""What a vendor's mapper gets and gives: a record in, drafts of canonical events out.

A vendor is one pure function, `Mapper`. What all vendors share (ids, keys, times, tenants, the
envelope of the event, the three outcomes) is added in `app.vendors.convert`.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, NoReturn, Protocol, TypeVar

from msgspec import Struct

from app.canonical import Data, Deletion, DeletionKind, EventType, TimeSource
from app.outcome import DeadReason, SkipReason

T = TypeVar("T")

# What an envelope says once stands in the event of each of its users: a body of 1 MiB could become
# 25 GB. The shortest users there are make its events forty times as large, and usual ones twice.
MAX_EVENTS_BYTES: Final = 64 << 20


class Record(Protocol):
    """A record of a vendor topic, as Kafka's clients name its parts; `timestamp` in milliseconds, None or
    negative if it has none.

    A header without a value is null, which means the same as empty text.
    """

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]: ...


class Message(Struct, gc=False):
    """What a mapper reads.

    `headers`: lower-case names, of one name the last, only non-empty UTF-8 values.
    `recorded`: the record's timestamp, as `Draft.time` has it; BEFORE_ALL if it has none.
    `odd`: the mapper appends the names of fields that it leaves out because their value cannot be carried.
    """

    body: bytes
    headers: dict[str, str]
    recorded: str
    odd: list[str]


class Draft(Struct, gc=False):
    """One canonical event as far as the vendor decides it. `time` is text that sorts as the instants do
    (app/times.py): UTC with six digits, or one of the two that stand for times nobody can write."""

    type: EventType
    sub: str
    time: str
    timesource: TimeSource
    data: Data
    tenant: str | None = None


class Mapped(Struct, gc=False):
    """All events of one message. `event_id` is the vendor's own as `values.identity` judges it, None if it
    gives none."""

    vendortype: str
    event_id: str | None
    drafts: list[Draft]


Mapper = Callable[[Message], Mapped]


class Vendor(Struct, frozen=True):
    """One line of the registry. `name` is in topics, keys, metrics and `source`; `title` for people.

    `clocks`: where in the body the time of an event is from, by its `timesource`.
    `shapes` are the structs of the vendor's bodies. `open_names` ends the names of members that are
    carried though no struct has them.
    """

    name: str
    title: str
    map: Mapper
    shapes: tuple[type[Struct], ...]
    clocks: dict[TimeSource, str] = {}
    open_names: str = ""


class Refused(Exception):
    """The record is dead: raised by mappers with the reason and a detail that quotes nothing."""

    def __init__(self, reason: DeadReason, detail: str) -> None:
        super().__init__(detail)
        self.reason: DeadReason = reason
        self.detail = detail


class Dropped(Exception):
    """The record is skipped."""

    def __init__(self, reason: SkipReason) -> None:
        super().__init__(reason)
        self.reason: SkipReason = reason


def refuse(place: str, expected: str) -> NoReturn:
    """The needed field at `place` (`$.data.userId`) is missing or not what was `expected`."""
    raise Refused("schema", f"{place}: expected {expected}")


def bound_events(size: int) -> None:
    """Refuses a message whose events would have `size` bytes together, where that is too much."""
    if size > MAX_EVENTS_BYTES:
        raise Refused("too_large", f"$: expected events of at most {MAX_EVENTS_BYTES} bytes together")


def needed(value: T | None, place: str) -> T:
    """The object at `place`, which must be there."""
    if value is None:
        refuse(place, "object")
    return value


def deletion(sub: str, kind: DeletionKind, **more: Any) -> Data:
    """The data of a `user.deleted`: of the user only `sub`."""
    return Data(snapshot="partial", status="deleted", user={"sub": sub}, deletion=Deletion(kind=kind), **more)
