"""Fynd Commerce: the events `user` of two envelopes (docs/vendors/fynd.md#what-the-vendor-sends).

Envelope A (company settings, the older one) has the event under `meta`, envelope B (partners and extensions)
under `event`. Both have users in the list `payload`, with nearly every field twice, in snake_case and in
camelCase, so half of this file is shapes. A deletion looks alive: its type decides, or the flag `archive`.
"""

import re
from typing import Annotated, Any

from msgspec import UNSET, Raw, Struct, UnsetType, field

from app.canonical import EventType, Status, TimeSource
from app.new_event import NewData
from app.vendors.claims import birthdate, put_email, put_name, put_phone
from app.vendors.event_names import event_name, read_judged, unknown_event
from app.vendors.fynd_rules import RULES
from app.vendors.model import (
    Draft,
    Mapped,
    Message,
    Skipped,
    T,
    Vendor,
    bound_events,
    deletion,
    invalid,
    require_items,
)
from app.vendors.needed import Milliseconds, Needed, RowTime, needed_name
from app.vendors.tolerant_reader import TolerantReader, read_value
from app.vendors.values import (
    MILLISECOND,
    carried_time,
    epoch_time,
    event_time,
    id_text,
    text_of,
)

EVENTS: dict[str, EventType] = {
    "create": "user.created",
    "update": "user.updated",
    "delete": "user.deleted",
}
# What the vendor shows for users without a picture: the ends of the paths.
DEFAULT_PICTURES = ("default-user-profile.png", "default_profile_img.png")
_ID_HEADER = "x-fp-event-id"
_MIDNIGHT = re.compile(r"[Tt ]00:00(?::00(?:\.0+)?)?(?:[Zz]|[+-]\d\d(?::?\d\d)?)?", re.ASCII)
_DATE_LENGTH = len("1995-07-23")


class _Event(Struct, gc=False):
    """`event` of envelope B. Envelope A has name and type in `meta.event`, and the time in `meta`."""

    name: Annotated[Any, needed_name(["user"])] = UNSET
    type: Annotated[Any, needed_name(EVENTS)] = UNSET
    id: str | int | None = None
    created_timestamp: Milliseconds = UNSET


class Meta(Struct, gc=False):
    event: _Event | None = None
    company_id: str | int | None = None
    created_timestamp: Milliseconds = UNSET
    application_id: str | list[Any] | None = None


class _Email(Struct, omit_defaults=True, gc=False):
    """An element of `emails`, as it is read and as the attribute `emails` has it."""

    email: str | None = None
    active: bool | None = None
    primary: bool | None = None
    verified: bool | None = None


class Phone(Struct, omit_defaults=True, gc=False):
    """An element of `phone_numbers`, as it is read and as the attribute has it, without `countryCode`."""

    phone: str | None = None
    country_code: str | int | None = None
    country_code_camel: str | int | None = field(default=None, name="countryCode")
    active: bool | None = None
    primary: bool | None = None
    verified: bool | None = None


class _User(Struct, gc=False):
    """One user, each field in snake_case and in camelCase."""

    # The order is the vendor's own, because the decoder looks for a member from the last one on: that makes
    # decoding about a tenth faster than another order.

    gender: str | None = None
    account_type_camel: str | None = field(default=None, name="accountType")
    active: bool | None = None
    archive: bool | None = None
    profile_pic_url_camel: str | None = field(default=None, name="profilePicUrl")
    mongo_id: Any = field(default=UNSET, name="_id")
    phone_numbers_camel: Raw | UnsetType = field(default=UNSET, name="phoneNumbers")
    application_id_camel: str | None = field(default=None, name="applicationId")
    first_name_camel: str | None = field(default=None, name="firstName")
    last_name_camel: str | None = field(default=None, name="lastName")
    emails: list[_Email] | None = None
    user_id_camel: Any = field(default=UNSET, name="userId")
    created_at_camel: str | None = field(default=None, name="createdAt")
    updated_at_camel: RowTime = field(default=UNSET, name="updatedAt")
    id: Any = UNSET
    account_type: str | None = None
    profile_pic_url: str | None = None
    phone_numbers: list[Phone] | None = None
    application_id: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    user_id: Any = UNSET
    created_at: str | None = None
    updated_at: RowTime = UNSET
    dob: str | None = None
    external_id: str | int | None = None


class Item(Struct, gc=False):
    user: Needed[_User] = None


class Head(Struct, gc=False):
    event: _Event | None = None
    meta: Meta | None = None


class _Body(Head, gc=False):
    payload: Needed[list[Needed[Item]]] = None
    company_id: str | int | None = None
    application_id: str | list[Any] | None = None
    user_id: Any = UNSET


class Source(Struct, gc=False):
    """What the envelope says once for all its users."""

    event_type: EventType
    created: Raw | UnsetType
    created_path: str
    company_id: str | int | None
    application_id: str | None
    single_user_id: object


# An item of which nothing could be read.
_NO_EMAIL, _NO_PHONE = _Email(), Phone()
_HEAD = TolerantReader(Head)
_BODY = TolerantReader(_Body)


def map_message(message: Message) -> Mapped:
    left_out = message.left_out
    (event, event_type), body = read_judged(message, _HEAD, _BODY, _event_of)
    items = require_items(body.payload, "$.payload")
    meta = None if body.event else body.meta
    source = Source(
        event_type=event_type,
        created=meta.created_timestamp if meta else event.created_timestamp,
        created_path="$.meta.created_timestamp" if meta else "$.event.created_timestamp",
        company_id=(meta or body).company_id,
        application_id=_only((meta or body).application_id),
        single_user_id=body.user_id if len(items) == 1 else UNSET,
    )
    if len(items) > 1:
        # The tenant of each user is made of these two.
        shared = len(str(source.company_id)) + len(source.application_id or "")
        bound_events(shared * len(items))
    event_id = id_text(event.id) or id_text(message.headers.get(_ID_HEADER))
    return Mapped(f"user/{event.type}", event_id, [_draft(source, item, left_out) for item in items])


def _event_of(head: Head) -> tuple[_Event, EventType]:
    event, path = head.event, "$.event"
    if event is None:
        path = "$.meta.event"
        event = head.meta.event if head.meta else None
    if event is None:
        invalid(path, "object")
    if event.name == "user" and type(event.type) is str and (event_type := EVENTS.get(event.type)):
        return event, event_type
    name = event_name(event.name, f"{path}.name")
    if name != "user":
        raise Skipped("ping" if name == "ping" else "other_family")
    event_name(event.type, f"{path}.type")
    raise unknown_event(f"{path}.type")


def _event_name(message: Message) -> object:
    """The name of the event; of one of the family `user` its type as well, `user.create`."""
    head = _HEAD.read(message)
    event = head.event or (head.meta.event if head.meta else None)
    if event is None or event.name != "user":
        return event and event.name
    return f"user.{event.type}" if type(event.type) is str else "user"


def _only(application_id: str | list[Any] | None) -> str | None:
    """The envelope's application; None if it names none or several."""
    if not isinstance(application_id, list):
        return application_id
    first = application_id[0] if application_id else None
    return first if type(first) is str and application_id.count(first) == len(application_id) else None


def _draft(source: Source, item: Item | None, left_out: list[str]) -> Draft:
    if item is None or item.user is None:
        invalid("$.payload[...].user", "object")
    user = item.user
    sub = _sub(user, source)
    time, timesource = _time(user, source)
    application = user.application_id
    if application != user.application_id_camel:
        application = _twin(application, user.application_id_camel, "application_id", left_out)
    application = id_text(application) or id_text(source.application_id)
    company = id_text(source.company_id)
    tenant = f"{company}.{application}" if company and application else None
    if source.event_type == "user.deleted" or user.archive:
        return Draft("user.deleted", sub, time, timesource, deletion(sub, "soft"), tenant)
    phones = _phones(user, left_out)
    attributes: dict[str, Any] = {}
    if company:
        attributes["company_id"] = source.company_id
    if application:
        attributes["application_id"] = application
    _put_attributes(attributes, user, phones, left_out)
    data = NewData(
        snapshot="full",
        status=_status(user),
        user=_claims(user, sub, phones, left_out),
        attributes=attributes or UNSET,
    )
    return Draft(source.event_type, sub, time, timesource, data, tenant)


def _sub(user: _User, source: Source) -> str:
    return (
        id_text(user.user_id)
        or id_text(user.user_id_camel)
        or id_text(user.mongo_id)
        or id_text(user.id)
        or id_text(source.single_user_id)
        or invalid("$.payload[...].user.user_id", "non-empty str or int")
    )


def _time(user: _User, source: Source) -> tuple[str, TimeSource]:
    """The row's time, else the event's; for a deletion the later one.

    To archive a user need not touch the row, and a deletion must not sort before the row's last update.
    """
    row_path = "$.payload[...].user.updated_at"
    row = event_time(user.updated_at, row_path)
    if row is None:
        row = event_time(user.updated_at_camel, row_path)
    if row is not None and source.event_type != "user.deleted" and not user.archive:
        return row, "row"
    event = epoch_time(source.created, MILLISECOND, source.created_path)
    if row is not None and (event is None or event <= row):
        return row, "row"
    if event is None:
        invalid(source.created_path, "a number, where the user has no updated_at")
    return event, "event"


def _twin(snake: str | None, camel: str | None, name: str, left_out: list[str]) -> str | None:
    """The value in snake_case of a field whose two spellings differ; it counts if both are there.

    Callers compare first: a call for each of the six fields would cost a fiftieth of the time of a body.
    """
    if snake is None:
        return camel
    if camel is not None:
        left_out.append(name)
    return snake


def _phones(user: _User, left_out: list[str]) -> list[Phone] | None:
    phones = user.phone_numbers
    if phones is None and user.phone_numbers_camel is not UNSET:
        found = read_value(list[Phone] | None, user.phone_numbers_camel, "phoneNumbers", left_out)
        phones = found if isinstance(found, list) else None
    for phone in phones or ():
        if phone.country_code is None:
            phone.country_code = phone.country_code_camel
        elif phone.country_code_camel not in (None, phone.country_code):
            left_out.append("country_code")
        phone.country_code_camel = None
    return phones


def _claims(user: _User, sub: str, phones: list[Phone] | None, left_out: list[str]) -> dict[str, Any]:
    claims: dict[str, Any] = {"sub": sub}
    first, last = user.first_name, user.last_name
    if first != user.first_name_camel:
        first = _twin(first, user.first_name_camel, "first_name", left_out)
    if last != user.last_name_camel:
        last = _twin(last, user.last_name_camel, "last_name", left_out)
    put_name(claims, first, last)
    if user.emails:
        put_email(claims, user.emails)
    if user.gender:
        claims["gender"] = user.gender.lower()
    if user.dob and (born := _birthdate(user.dob, left_out)):
        claims["birthdate"] = born
    if phones:
        put_phone(claims, phones)
    picture = user.profile_pic_url
    if picture != user.profile_pic_url_camel:
        picture = _twin(picture, user.profile_pic_url_camel, "profile_pic_url", left_out)
    if picture and _is_own_picture(picture):
        claims["picture"] = picture
    return claims


def _status(user: _User) -> Status | UnsetType:
    if user.active is None:
        return UNSET
    return "active" if user.active else "blocked"


def _birthdate(dob: str, left_out: list[str]) -> str | None:
    """The claim of a date, or of a date-time at midnight; None for another text, which is left out.

    Older rows have a date-time. If it was written in another time zone than the user's, its time of day
    is not midnight, and its date may be a day off.
    """
    if len(dob) > _DATE_LENGTH and _MIDNIGHT.fullmatch(dob, _DATE_LENGTH):
        dob = dob[:_DATE_LENGTH]
    return birthdate(dob, "dob", left_out)


def _is_own_picture(url: str) -> bool:
    """Whether the picture is absolute and no default: no body says what a relative one is relative to."""
    if url[0] not in "hH" or not url[:8].lower().startswith(("https://", "http://")):
        return False
    if "default" not in url:  # usual pictures need no look at their path
        return True
    path = url.partition("#")[0].partition("?")[0].partition("://")[2].partition("/")[2]
    return not path.endswith(DEFAULT_PICTURES)


def _without(nothing: T, items: list[T]) -> list[T]:
    return [item for item in items if item != nothing] if nothing in items else items


def _put_attributes(
    attributes: dict[str, Any], user: _User, phones: list[Phone] | None, left_out: list[str]
) -> None:
    account, created = user.account_type, user.created_at
    if account != user.account_type_camel:
        account = _twin(account, user.account_type_camel, "account_type", left_out)
    if created != user.created_at_camel:
        created = _twin(created, user.created_at_camel, "created_at", left_out)
    if account:
        attributes["account_type"] = account
    if user.external_id is not None and (external := text_of(user.external_id)):
        attributes["external_id"] = external
    if user.emails is not None:
        attributes["emails"] = _without(_NO_EMAIL, user.emails)
    if phones is not None:
        attributes["phone_numbers"] = _without(_NO_PHONE, phones)
    if text := carried_time(created, "created_at", left_out):
        attributes["created_at"] = text


FYND = Vendor(
    name="fynd",
    title="Fynd",
    map=map_message,
    shapes=(_Body,),
    times={"row": "$.payload[...].user.updated_at", "event": "$.(meta|event).created_timestamp"},
    event_name=_event_name,
    headers={_ID_HEADER: "the event's id, if the body has none"},
    rules=RULES,
)
