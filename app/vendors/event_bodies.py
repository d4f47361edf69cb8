"""The bodies of a vendor whose events differ in shape: the name of the event chooses the shape.

A usual body is decoded once: the decoder itself looks for the name, and goes on in the shape that has it. Any
other body takes the plain way, the name before the shape.
"""

from collections.abc import Mapping
from typing import Final, Generic, NoReturn, TypeVar, Union

import msgspec
from msgspec import Struct

from app.canonical import EventType
from app.vendors.event_names import EventNames
from app.vendors.model import Message, Skipped
from app.vendors.tolerant_reader import UNREADABLE, TolerantReader

B = TypeVar("B", bound=Struct)

# How many names of other families are known to the decoder, and how many characters such a name may have. A
# vendor has some dozens of them; no producer can make the decoder grow further.
OTHERS_KEPT: Final = 100
LONGEST_KEPT: Final = 100


class EventBodies(Generic[B]):
    """Reads the bodies of events of which each has one of several shapes."""

    def __init__(self, names: EventNames, shapes: Mapping[str, type[B]]) -> None:
        """`names`: the name of an event is a member of the body itself (`$.type`). `shapes`: one for each
        mapped name, without a field for the name.

        Raises TypeError if a mapped name has no shape, and ValueError if a shape has a field for the name.
        """
        if shapes.keys() != names.types.keys():
            raise TypeError("each mapped name, and no other, needs a shape")
        self._names = names
        self._plain = {name: TolerantReader(shape) for name, shape in shapes.items()}
        member = names.path.removeprefix("$.")
        self._kinds: dict[type[Struct], tuple[str, EventType]] = {}
        for name, shape in shapes.items():
            tagged = msgspec.defstruct(
                shape.__name__, [], bases=(shape,), tag_field=member, tag=name, gc=False
            )
            self._kinds[tagged] = name, names.types[name]
        self.shapes = tuple(self._kinds)
        self._member = member
        self._others: dict[str, type[Struct]] = {}
        self._decode = self._new_decoder().decode

    def read(self, message: Message) -> tuple[str, EventType, B]:
        """The event's name, its canonical type, and the body. Raises Skipped, Invalid and NotJson."""
        # perf: saves 6 to 10 % of convert (make bench ARGS=convert); plain form: always `read_plainly`.
        try:
            body: B = self._decode(message.body)
        except UNREADABLE:
            return self._read_unknown(message)
        name, event_type = self._kinds.get(type(body)) or _skip()
        return name, event_type, body

    def read_plainly(self, message: Message) -> tuple[str, EventType, B]:
        """What `read` returns, and raises, of any body: first the name is judged, then the shape."""
        name, event_type = self._names.read_name(message)
        return name, event_type, self._plain[name].read(message)

    def _read_unknown(self, message: Message) -> tuple[str, EventType, B]:
        """What `read_plainly` returns. If the name is of another family, the decoder knows it from now on."""
        # perf: saves 50 % of a body of another family, and an endpoint that subscribes to all families gets
        # mostly such ones; plain form: `read_plainly`.
        try:
            return self.read_plainly(message)
        except Skipped:
            if len(self._others) < OTHERS_KEPT:
                self._learn(self._names.name_in(message))
            raise

    def _learn(self, name: str) -> None:
        """Adds the name of another family to those that the decoder knows. If two threads add names at the
        same time, the decoder may lack one of them until the next one comes; the answers are the same."""
        if name not in self._others and len(name) <= LONGEST_KEPT:
            # Without a field: nothing of such a body is read, only whether it is JSON.
            self._others[name] = msgspec.defstruct("Other", [], tag_field=self._member, tag=name, gc=False)
            self._decode = self._new_decoder().decode

    def _new_decoder(self) -> "msgspec.json.Decoder[B]":
        return msgspec.json.Decoder(Union[*self.shapes, *self._others.values()])


def _skip() -> NoReturn:
    raise Skipped("other_family")
