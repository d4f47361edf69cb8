"""Magine Pro: bodies of Standard Webhooks, `{type, timestamp, data}` (docs/vendors/magine.md#snapshots).

The event id is in the header `webhook-id` only. `user.updated` is partial, and no source says how it sends a
cleared field: null and empty text count as cleared, but for `mobilePhone`, which is empty in all samples.
"""

from msgspec import UNSET, Struct, UnsetType

from app.new_event import NewData
from app.vendors.claims import birthdate, gender
from app.vendors.event_bodies import EventBodies
from app.vendors.event_names import EventNames
from app.vendors.model import Draft, Mapped, Message, Vendor, deletion, invalid
from app.vendors.needed import Needed, NeededId, NeededTime
from app.vendors.values import id_text, require_event_time, require_id

EVENTS = EventNames(
    "$.type",
    {
        "user.created": "user.created",
        "user.updated": "user.updated",
        "user.deleted": "user.deleted",
    },
)
Text = str | UnsetType | None
_ID_HEADER = "webhook-id"


class _User(Struct, rename="camel", gc=False):
    user_id: NeededId = UNSET
    name: Text = UNSET
    country: Text = UNSET
    locale: Text = UNSET
    email: Text = UNSET
    email_opt_in: bool | UnsetType | None = UNSET
    email_before_update: Text = UNSET
    mobile_phone: Text = UNSET
    tags: list[str] | UnsetType | None = UNSET
    birth_date: Text = UNSET
    gender: Text = UNSET
    zip_code: Text = UNSET


class _Body(Struct, gc=False):
    timestamp: NeededTime = UNSET
    data: Needed[_User] = None


class _Address(Struct, gc=False):
    country: Text = UNSET
    postal_code: Text = UNSET


class _Claims(Struct, gc=False):
    sub: str
    name: Text = UNSET
    email: Text = UNSET
    gender: Text = UNSET
    birthdate: Text = UNSET
    locale: Text = UNSET
    phone_number: Text = UNSET
    address: _Address | UnsetType = UNSET


class _Attributes(Struct, gc=False):
    email_opt_in: bool | UnsetType | None = UNSET
    country: Text = UNSET
    tags: list[str] | UnsetType | None = UNSET


_BODIES = EventBodies(EVENTS, dict.fromkeys(EVENTS.types, _Body))
_NO_ADDRESS, _NO_ATTRIBUTES = _Address(), _Attributes()
# What becomes of an empty text, a null and an absent member: in an update the first two clear the value.
_CLEARED: dict[Text, UnsetType | None] = {"": None, None: None, UNSET: UNSET}
_NOT_SET: dict[Text, UnsetType | None] = {"": UNSET, None: UNSET, UNSET: UNSET}


def map_message(message: Message) -> Mapped:
    name, event_type, body = _BODIES.read(message)
    user = body.data or invalid("$.data", "object")
    sub = require_id(user.user_id, "$.data.userId")
    time = require_event_time(body.timestamp, "$.timestamp")
    if event_type == "user.deleted":
        data = deletion(sub, "unknown")
    else:
        data = _profile(user, sub, event_type == "user.updated", message.left_out)
    event_id = id_text(message.headers.get(_ID_HEADER)) if message.headers else None
    return Mapped(name, event_id, [Draft(event_type, sub, time, "event", data)])


def _profile(user: _User, sub: str, partial: bool, left_out: list[str]) -> NewData:
    empty = _CLEARED if partial else _NOT_SET
    country, phone, before = user.country or empty[user.country], user.mobile_phone, user.email_before_update
    born = birthdate(user.birth_date, "birthDate", left_out) if user.birth_date else None
    address = _Address(country, user.zip_code or empty[user.zip_code])
    claims = _Claims(
        sub,
        name=user.name or empty[user.name],
        email=user.email or empty[user.email],
        gender=gender(user.gender) if user.gender else empty[user.gender],
        birthdate=born or (UNSET if user.birth_date else empty[user.birth_date]),
        locale=user.locale or empty[user.locale],
        phone_number=UNSET if phone == "" else phone or empty[phone],
        address=UNSET if address == _NO_ADDRESS else address,
    )
    attributes = _Attributes(
        email_opt_in=empty[None] if user.email_opt_in is None else user.email_opt_in,
        country=country,
        tags=empty[None] if user.tags is None else user.tags,
    )
    return NewData(
        "partial" if partial else "full",
        UNSET,
        claims,
        UNSET if attributes == _NO_ATTRIBUTES else attributes,
        previous={"email": before} if before and before != user.email else UNSET,
    )


MAGINE = Vendor(
    name="magine",
    title="Magine Pro",
    map=map_message,
    shapes=_BODIES.shapes,
    times={"event": "$.timestamp"},
    event_name=EVENTS.name_in,
    headers={_ID_HEADER: "the event's id"},
)
