"""The names of a vendor's events, and the read that judges a name before it judges the body's shape.

The order matters: an event of another family has another shape, and must be skipped, not refused for it.
"""

import re
from collections.abc import Callable, Collection, Mapping
from operator import attrgetter
from typing import Any, Final, NoReturn, TypeVar, get_args

import msgspec
from msgspec import UNSET, Struct

from app.canonical import EventType
from app.vendors.model import Invalid, Message, Skipped, invalid
from app.vendors.tolerant_reader import TolerantReader

J = TypeVar("J")
B = TypeVar("B", bound=Struct)

# Texts of the vendors' documentation that are sent by mistake: names of no event of any vendor.
_PLACEHOLDERS: Final = frozenset({"string", "<string>", ""})


def dotted_families_but(own: str) -> Callable[[str], bool]:
    """What says whether a name is of a family that is not about a user's own state: `poll_vote.created`.

    It says so of two or more non-empty parts of ASCII letters, digits, `_` and `-`, joined by dots, of which
    the first is not `own` in any case: what nobody documented of the own family may be a user's state.
    Vendors add families after every list, so there is no list.
    """
    pattern = re.compile(rf"(?!(?i:{re.escape(own)})\.)[\w-]++(?:\.[\w-]++)+", re.ASCII)
    return lambda name: pattern.fullmatch(name) is not None


dotted_family: Final = dotted_families_but("user")


def event_name(value: object, path: str) -> str:
    """The text at `path` as the name of an event.

    Raises Invalid: `schema` if it is no text, `unknown_event` if it is a placeholder of a documentation.
    """
    if type(value) is not str:
        invalid(path, "str")
    if value in _PLACEHOLDERS:
        raise unknown_event(path)
    return value


def unknown_event(path: str) -> Invalid:
    """The exception for the name at `path`, which nobody documented."""
    return Invalid("unknown_event", f"{path}: expected a documented event name")


def read_judged(
    message: Message, head: TolerantReader[Any], body: TolerantReader[B], judge: Callable[[Any], J]
) -> tuple[J, B]:
    """What `judge` says of the body, and the body.

    `head` reads only the members that `judge` looks at, and `body` has them under the same names. If the
    body is well-formed, `judge` is given the whole body, which saves reading the head. Raises what `judge`
    raises, Invalid if the body is no object, and NotJson.
    """
    found = body.typed(message.body)
    if found is not None:
        return judge(found), found
    verdict = judge(head.require(message.body, "$", []))
    return verdict, body.read(message)


class EventNames:
    """Which event of a vendor is which canonical one, by the name at `path` in a body.

    `path` is that of a member of the body (`$.type`) or of an object in it (`$.event.name`).
    A name that is not in `types` is skipped if it is in `other_names` or `other_families` says so; any other
    name is dead.
    """

    def __init__(
        self,
        path: str,
        types: Mapping[str, EventType],
        *,
        other_names: Collection[str] = (),
        other_families: Callable[[str], bool] = dotted_family,
    ) -> None:
        self.path = path
        self.types = types
        self._other_names = frozenset(other_names)
        self._other_families = other_families
        self._members = tuple(path.split(".")[1:])
        self._readings: dict[TolerantReader[Any], _Reading] = {}
        self._body: TolerantReader[Any] | None = None
        # A member's name need not be a name of Python: `$.event-type`, `$.class`.
        attributes = tuple(f"part_{number}" for number in range(len(self._members)))
        self._head, self._name_of = self._reading = self._reading_of(attributes)

    def read(self, message: Message, body: TolerantReader[B]) -> tuple[str, EventType, B]:
        """The event's name, its canonical type, and the body: for vendors whose bodies have one shape.

        Raises Skipped, Invalid and NotJson, and TypeError if the body's shape has no field at the path.
        """
        if body is not self._body:
            self._use(body)
        # One decoding less of a body that is as it should be.
        found = body.typed(message.body)
        name: Any = self._name_of(found or self._head.read(message))
        event_type = self.types.get(name) if type(name) is str else None
        if event_type is None:
            self._reject(name)
        return name, event_type, found or body.read(message)

    def read_name(self, message: Message) -> tuple[str, EventType]:
        """The event's name and its canonical type: for vendors whose events differ in shape.

        Raises Skipped, Invalid and NotJson.
        """
        name = self.name_in(message)
        event_type = self.types.get(name) if type(name) is str else None
        if event_type is None:
            self._reject(name)
        return name, event_type

    def name_in(self, message: Message) -> Any:
        """The value at the path, whatever it is; UNSET if it is absent. Raises Invalid and NotJson."""
        head, name_of = self._reading
        return name_of(head.read(message))

    def _reject(self, value: object) -> NoReturn:
        """Raises Skipped or Invalid for what is not the name of a mapped event."""
        name = event_name(value, self.path)
        if name in self._other_names or self._other_families(name):
            raise Skipped("other_family")
        raise unknown_event(self.path)

    def _use(self, body: TolerantReader[Any]) -> None:
        if body not in self._readings:
            self._readings[body] = self._reading_of(_attributes_at(body.shape, self._members))
        self._body = body
        self._head, self._name_of = self._readings[body]

    def _reading_of(self, names: tuple[str, ...]) -> "_Reading":
        """What reads nothing but the name, and what gets it, by the attributes on the way to it."""
        return TolerantReader(_shape_of(self._members, names)), _getter(names)


_Reading = tuple[TolerantReader[Struct], Callable[[Struct], object]]


def _attributes_at(shape: type[Struct], members: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the struct's attributes on the way to the member."""
    names: list[str] = []
    inner: type[Struct] | None = shape
    for member in members:
        fields = {} if inner is None else {it.encode_name: it for it in msgspec.structs.fields(inner)}
        if member not in fields:
            raise TypeError(f"{shape.__name__} has no field {member!r}, where the name of the event is")
        names.append(fields[member].name)
        kinds = (fields[member].type, *get_args(fields[member].type))
        inner = next((it for it in kinds if isinstance(it, type) and issubclass(it, Struct)), None)
    return tuple(names)


def _shape_of(members: tuple[str, ...], names: tuple[str, ...]) -> type[Struct]:
    """A struct of nothing but the value at the path, as deep as the path is."""
    kind: Any = _shape_of(members[1:], names[1:]) | None if members[1:] else Any
    return msgspec.defstruct("Head", [(names[0], kind, UNSET)], rename={names[0]: members[0]}, gc=False)


def _getter(names: tuple[str, ...]) -> Callable[[Struct], object]:
    """What gets the value of the last attribute; it gets UNSET or None if anything on the way is absent."""
    if len(names) == 1:
        return attrgetter(names[0])

    def value_of(body: object) -> object:
        for name in names:
            body = getattr(body, name, UNSET)
        return body

    return value_of
