"""Maps the bodies of Acme: `{id, type, time, data}`.

Its page in docs/vendors/ has the facts about them, with the sources.
"""

from typing import Annotated, Any

from msgspec import UNSET, Struct

from app.new_event import NewData
from app.vendors.claims import put
from app.vendors.event_names import EventNames
from app.vendors.model import Draft, Mapped, Message, Vendor, deletion, invalid
from app.vendors.needed import Needed, NeededId, NeededTime, needed_name
from app.vendors.tolerant_reader import TolerantReader
from app.vendors.values import id_text, require_event_time, require_id

EVENTS = EventNames(
    "$.type",
    {
        "user.created": "user.created",
        "user.updated": "user.updated",
        "user.deleted": "user.deleted",
    },
)


class _User(Struct, gc=False):
    # For the decoder a required field takes any value: the mapper checks it, so a wrong type does not count
    # as absent.
    id: NeededId = UNSET
    # An optional field has its real type: a value of another type is left out, and the event is kept.
    name: str | None = None
    email: str | None = None
    tags: list[str] | None = None


class _Body(Struct, gc=False):
    id: Any = UNSET
    type: Annotated[Any, needed_name(EVENTS.types)] = UNSET
    time: NeededTime = UNSET
    data: Needed[_User] = None


_BODY = TolerantReader(_Body)


def map_message(message: Message) -> Mapped:
    name, event_type, body = EVENTS.read(message, _BODY)
    user = body.data or invalid("$.data", "object")
    sub = require_id(user.id, "$.data.id")
    time = require_event_time(body.time, "$.time")
    data = deletion(sub, "unknown") if event_type == "user.deleted" else _profile(user, sub)
    return Mapped(name, id_text(body.id), [Draft(event_type, sub, time, "event", data)])


def _profile(user: _User, sub: str) -> NewData:
    claims: dict[str, Any] = {"sub": sub}
    put(claims, "name", user.name)
    put(claims, "email", user.email)
    attributes: dict[str, Any] = {}
    put(attributes, "tags", user.tags)
    return NewData("full", UNSET, claims, attributes or UNSET)


ACME = Vendor(
    name="acme",
    title="Acme",
    map=map_message,
    shapes=(_Body,),
    times={"event": "$.time"},
    event_name=EVENTS.name_in,
)
