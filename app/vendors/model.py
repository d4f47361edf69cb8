"""What a mapper is given and what it returns: a message in, drafts of canonical events out.

A vendor is one pure function, `Mapper`. `app.vendors.conversion` adds what all vendors share: ids, keys,
tenants, limits of time, the rest of the canonical event, and the three outcomes.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn, TypeVar, get_args

from msgspec import UNSET, Struct, UnsetType

from app.canonical import Actor, Deletion, DeletionKind, EventType, TimeSource
from app.new_event import NewData
from app.outcome import DeadReason, SkipReason

T = TypeVar("T")

# The event of each user repeats what the envelope says once, so a body of 1 MiB could become 25 GB. The
# events of the shortest possible users are forty times as large as their body, those of usual users twice.
MAX_EVENTS_BYTES: Final = 64 << 20


class Message(Struct, gc=False):
    """What a mapper is given.

    `headers`: names in lower case; if a name repeats, its last value. Only values that are non-empty UTF-8.
    `recorded`: the record's timestamp, as `Draft.time` has it; BEFORE_ALL if it has none.
    `left_out`: the mapper appends the name of each field that it leaves out because its value is unusable.
    """

    body: bytes
    headers: dict[str, str]
    recorded: str
    left_out: list[str]


class Draft(Struct, gc=False):
    """One canonical event as far as the vendor decides it.

    `time` is text that sorts as the instants do (app/times.py): UTC with six digits, or one of the two that
    stand for times that nobody can write. An event with the time of its record (`timesource` "record",
    `time` of `Message.recorded`) becomes a partial one, whatever `data` says.
    """

    type: EventType
    sub: str
    time: str
    timesource: TimeSource
    data: NewData
    tenant: str | None = None


class Mapped(Struct, gc=False):
    """All events of one message. `event_id` is the vendor's own, as `values.id_text` returns it; None if the
    message has none, and then equal bodies are one event."""

    vendortype: str
    event_id: str | None
    drafts: list[Draft]


Mapper = Callable[[Message], Mapped]


class Vendor(Struct, frozen=True, kw_only=True):
    """One line of the registry. `name` is in topics, keys, metrics and `source`; `title` is for people.

    `shapes` are the structs of the vendor's bodies.
    `times` gives for each `timesource` the path of the time in a body; the record's own time needs no entry.
    `open_names` is the end of the names of members that are carried though no struct has them.
    `event_name` returns the name of a message's event, if it is a text; it may raise what a mapper raises. It
    is asked only of messages that no event is made of, for a metric. Without it these have no name.
    `headers` are the headers that only this mapper reads: what each means, by its name in lower case.
    `rules` are keywords of JSON Schema for a whole body: what a mapper needs and no type can say.
    """

    name: str
    title: str
    map: Mapper
    shapes: tuple[type[Struct], ...]
    times: dict[TimeSource, str]
    open_names: str = ""
    event_name: Callable[[Message], object] | None = None
    headers: Mapping[str, str] = {}
    rules: Mapping[str, Any] = {}


class Invalid(Exception):
    """The record is dead. `detail` has a path and what was expected there, and quotes nothing."""

    def __init__(self, reason: DeadReason, detail: str) -> None:
        super().__init__(detail)
        self.reason: DeadReason = reason
        self.detail = detail


class Skipped(Exception):
    """The record is skipped: it is known, and deliberately not emitted."""

    def __init__(self, reason: SkipReason) -> None:
        super().__init__(reason)
        self.reason: SkipReason = reason


def invalid(path: str, expected: str) -> NoReturn:
    """Raises Invalid: the field at `path` (`$.data.userId`) is missing or not what was `expected`."""
    raise Invalid("schema", f"{path}: expected {expected}")


def bound_events(size: int) -> None:
    """Raises Invalid if events of `size` bytes together are too many for one message.

    A mapper calls it if it copies a text of the envelope for each user.
    """
    if size > MAX_EVENTS_BYTES:
        raise Invalid("too_large", f"$: expected events of at most {MAX_EVENTS_BYTES} bytes together")


def require_items(items: list[T] | None, path: str) -> list[T]:
    """The users at `path`, which must be an array. Raises Skipped if there are none."""
    if items is None:
        invalid(path, "array")
    if not items:
        raise Skipped("no_users")
    return items


class OnlySub(Struct, gc=False):
    """The claims of an event that says nothing else of its user."""

    sub: str


_DELETIONS: Final = {kind: Deletion(kind) for kind in get_args(DeletionKind)}


def deletion(sub: str, kind: DeletionKind, actor: Actor | UnsetType = UNSET) -> NewData:
    """The data of a `user.deleted`, which has of the user only `sub`."""
    return NewData("partial", "deleted", OnlySub(sub), deletion=_DELETIONS[kind], actor=actor)
