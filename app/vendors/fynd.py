"""Fynd Commerce: the `user` events of two envelopes (vendors.md, section 2).

Envelope A (company settings, the older one) holds the event under `meta`, envelope B (partners and
extensions) under `event`. Both hold users in `payload`, a list, with nearly every field twice, in
snake_case and camelCase. A deletion looks alive: its type decides, or the flag `archive`.
"""

import re
from typing import Any

from msgspec import UNSET, Raw, Struct, UnsetType, field

from app.canonical import Data, EventType, Status, TimeSource
from app.vendors.model import Draft, Dropped, Mapped, Message, T, Vendor, bound_events, deletion, refuse
from app.vendors.reading import Reader, read_value
from app.vendors.values import (
    birthdate,
    carried_time,
    clock,
    event_name,
    identity,
    number_clock,
    text_of,
    unknown_event,
)

EVENTS: dict[str, EventType] = {
    "create": "user.created",
    "update": "user.updated",
    "delete": "user.deleted",
}
MILLISECOND = 1000
# What the vendor shows for users without a picture: the ends of the paths.
DEFAULT_PICTURES = ("default-user-profile.png", "default_profile_img.png")
_MIDNIGHT = re.compile(r"[Tt ]00:00(?::00(?:\.0+)?)?(?:[Zz]|[+-]\d\d(?::?\d\d)?)?", re.ASCII)
_DATE_LENGTH = len("1995-07-23")


class Event(Struct, gc=False):
    """`event` of envelope B; A has name and type in `meta.event`, the clock in `meta`."""

    name: Any = UNSET
    type: Any = UNSET
    id: str | int | None = None
    created_timestamp: Raw | UnsetType = UNSET


class Meta(Struct, gc=False):
    event: Event | None = None
    company_id: str | int | None = None
    created_timestamp: Raw | UnsetType = UNSET
    application_id: str | list[Any] | None = None


class Email(Struct, omit_defaults=True, gc=False):
    """As it is read, and as it stands in the attribute `emails`."""

    email: str | None = None
    active: bool | None = None
    primary: bool | None = None
    verified: bool | None = None


class Phone(Struct, omit_defaults=True, gc=False):
    """As it is read, and as it stands in `phone_numbers`, without the second spelling."""

    phone: str | None = None
    country_code: str | int | None = None
    country_code_camel: str | int | None = field(default=None, name="countryCode")
    active: bool | None = None
    primary: bool | None = None
    verified: bool | None = None


class User(Struct, gc=False):
    """In the order in which the vendor sends them: the decoder looks for a member from the last one on,
    which makes it a tenth faster."""

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
    emails: list[Email] | None = None
    user_id_camel: Any = field(default=UNSET, name="userId")
    created_at_camel: str | None = field(default=None, name="createdAt")
    updated_at_camel: Any = field(default=UNSET, name="updatedAt")
    id: Any = UNSET
    account_type: str | None = None
    profile_pic_url: str | None = None
    phone_numbers: list[Phone] | None = None
    application_id: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    user_id: Any = UNSET
    created_at: str | None = None
    updated_at: Any = UNSET
    dob: str | None = None
    external_id: str | int | None = None


class Item(Struct, gc=False):
    user: User | None = None


class Head(Struct, gc=False):
    event: Event | None = None
    meta: Meta | None = None


class Body(Head, gc=False):
    payload: list[Item | None] | None = None
    company_id: str | int | None = None
    application_id: str | list[Any] | None = None
    user_id: Any = UNSET


class Source(Struct, gc=False):
    """What the envelope says for all its users."""

    kind: EventType
    created: Raw | UnsetType
    created_place: str
    company_id: str | int | None
    application_id: str | None
    single_user_id: object


# An item of which nothing could be read.
_NO_EMAIL, _NO_PHONE = Email(), Phone()
_HEAD = Reader(Head)
_BODY = Reader(Body)


def convert(message: Message) -> Mapped:
    odd = message.odd
    body = _BODY.typed(message.body)
    event, kind = _judge(body or _HEAD.need(message.body, "$", []))
    body = body or _BODY.need(message.body, "$", odd)
    if body.payload is None:
        refuse("$.payload", "array")
    if not body.payload:
        raise Dropped("no_users")
    meta = None if body.event else body.meta
    source = Source(
        kind=kind,
        created=meta.created_timestamp if meta else event.created_timestamp,
        created_place="$.meta.created_timestamp" if meta else "$.event.created_timestamp",
        company_id=(meta or body).company_id,
        application_id=_only((meta or body).application_id),
        single_user_id=body.user_id if len(body.payload) == 1 else UNSET,
    )
    if len(body.payload) > 1:
        # Of these the tenant of each user is made.
        shared = len(str(source.company_id)) + len(source.application_id or "")
        bound_events(shared * len(body.payload))
    event_id = identity(event.id) or identity(message.headers.get("x-fp-event-id"))
    return Mapped(f"user/{event.type}", event_id, [_draft(source, item, odd) for item in body.payload])


def _judge(head: Head) -> tuple[Event, EventType]:
    event, place = head.event, "$.event"
    if event is None:
        place = "$.meta.event"
        event = head.meta.event if head.meta else None
    if event is None:
        refuse(place, "object")
    if event.name == "user" and type(event.type) is str and (kind := EVENTS.get(event.type)):
        return event, kind
    name = event_name(event.name, f"{place}.name")
    if name != "user":
        raise Dropped("ping" if name == "ping" else "other_family")
    event_name(event.type, f"{place}.type")
    raise unknown_event(f"{place}.type")


def _only(application_id: str | list[Any] | None) -> str | None:
    """The envelope's application where it names exactly one."""
    if not isinstance(application_id, list):
        return application_id
    first = application_id[0] if application_id else None
    return first if type(first) is str and application_id.count(first) == len(application_id) else None


def _draft(source: Source, item: Item | None, odd: list[str]) -> Draft:
    if item is None or item.user is None:
        refuse("$.payload[...].user", "object")
    user = item.user
    sub = _sub(user, source)
    time, timesource = _time(user, source)
    application = user.application_id
    if application != user.application_id_camel:
        application = _twin(application, user.application_id_camel, "application_id", odd)
    application = identity(application) or identity(source.application_id)
    company = identity(source.company_id)
    tenant = f"{company}.{application}" if company and application else None
    if source.kind == "user.deleted" or user.archive:
        return Draft("user.deleted", sub, time, timesource, deletion(sub, "soft"), tenant)
    phones = _phones(user, odd)
    attributes: dict[str, Any] = {}
    if company:
        attributes["company_id"] = source.company_id
    if application:
        attributes["application_id"] = application
    _put_attributes(attributes, user, phones, odd)
    data = Data(
        snapshot="full",
        status=_status(user),
        user=_claims(user, sub, phones, odd),
        attributes=attributes or UNSET,
    )
    return Draft(source.kind, sub, time, timesource, data, tenant)


def _sub(user: User, source: Source) -> str:
    return (
        identity(user.user_id)
        or identity(user.user_id_camel)
        or identity(user.mongo_id)
        or identity(user.id)
        or identity(source.single_user_id)
        or refuse("$.payload[...].user.user_id", "non-empty str or int")
    )


def _time(user: User, source: Source) -> tuple[str, TimeSource]:
    """The row's time, else the event's; of a deletion the later one, because archiving a user need
    not touch the row, and must not sort before the row's last update."""
    row_place = "$.payload[...].user.updated_at"
    row = clock(user.updated_at, row_place)
    if row is None:
        row = clock(user.updated_at_camel, row_place)
    if row is not None and source.kind != "user.deleted" and not user.archive:
        return row, "row"
    event = number_clock(source.created, MILLISECOND, source.created_place)
    if row is not None and (event is None or event <= row):
        return row, "row"
    if event is None:
        refuse(source.created_place, "a number, where the user has no updated_at")
    return event, "event"


def _twin(snake: str | None, camel: str | None, name: str, odd: list[str]) -> str | None:
    """Of a field's two spellings, which differ, the snake_case one; that both are there is counted.

    Callers compare themselves: a call for each of the six fields would be a fiftieth of the body's time.
    """
    if snake is None:
        return camel
    if camel is not None:
        odd.append(name)
    return snake


def _phones(user: User, odd: list[str]) -> list[Phone] | None:
    phones = user.phone_numbers
    if phones is None and user.phone_numbers_camel is not UNSET:
        found = read_value(list[Phone] | None, user.phone_numbers_camel, "phoneNumbers", odd)
        phones = found if isinstance(found, list) else None
    for phone in phones or ():
        if phone.country_code is None:
            phone.country_code = phone.country_code_camel
        elif phone.country_code_camel not in (None, phone.country_code):
            odd.append("country_code")
        phone.country_code_camel = None
    return phones


def _claims(user: User, sub: str, phones: list[Phone] | None, odd: list[str]) -> dict[str, Any]:
    claims: dict[str, Any] = {"sub": sub}
    first, last = user.first_name, user.last_name
    if first != user.first_name_camel:
        first = _twin(first, user.first_name_camel, "first_name", odd)
    if last != user.last_name_camel:
        last = _twin(last, user.last_name_camel, "last_name", odd)
    if name := f"{first} {last}" if first and last else first or last:
        claims["name"] = name
    if first:
        claims["given_name"] = first
    if last:
        claims["family_name"] = last
    if user.emails:
        _put_email(claims, user.emails)
    if user.gender:
        claims["gender"] = user.gender.lower()
    if user.dob and (born := _birthdate(user.dob, odd)):
        claims["birthdate"] = born
    if phones:
        _put_phone(claims, phones)
    picture = user.profile_pic_url
    if picture != user.profile_pic_url_camel:
        picture = _twin(picture, user.profile_pic_url_camel, "profile_pic_url", odd)
    if picture and _is_own_picture(picture):
        claims["picture"] = picture
    return claims


def _status(user: User) -> Status | UnsetType:
    if user.active is None:
        return UNSET
    return "active" if user.active else "blocked"


def _put_email(claims: dict[str, Any], emails: list[Email]) -> None:
    """The primary active address, else the first active one."""
    chosen = None
    for item in emails:
        if item.email and item.active is not False:
            chosen = chosen or item
            if item.primary:
                chosen = item
                break
    if chosen is not None:
        claims["email"] = chosen.email
        if chosen.verified is not None:
            claims["email_verified"] = chosen.verified


def _birthdate(dob: str, left_out: list[str]) -> str | None:
    """The claim; None, and counted, for another text than a date or a date-time at midnight.

    Older rows hold a date-time. One that was written in another zone than the user's has another time
    of day, and its date may be a day off.
    """
    if len(dob) > _DATE_LENGTH and _MIDNIGHT.fullmatch(dob, _DATE_LENGTH):
        dob = dob[:_DATE_LENGTH]
    return birthdate(dob, "dob", left_out)


def _put_phone(claims: dict[str, Any], phones: list[Phone]) -> None:
    """The primary number with its country code, unless it has one already or none is told; 0 is none."""
    for item in phones:
        number, code = item.phone, item.country_code
        if item.primary and number:
            if type(code) is str:
                code = _code_of(code)
            claims["phone_number"] = f"+{code}{number}" if code and number[0] != "+" else number
            if item.verified is not None:
                claims["phone_number_verified"] = item.verified
            return


def _code_of(text: str) -> str:
    """The country code without its plus; empty text if there is none, as it is for a code of zeros."""
    code = (identity(text) or "").removeprefix("+")
    return code if code.strip("0") else ""


def _is_own_picture(url: str) -> bool:
    """Relative ones would need the address of a content network that nobody sends."""
    if url[0] not in "hH" or not url[:8].lower().startswith(("https://", "http://")):
        return False
    if "default" not in url:  # perf: usual pictures need no look at their path
        return True
    path = url.partition("#")[0].partition("?")[0].partition("://")[2].partition("/")[2]
    return not path.endswith(DEFAULT_PICTURES)


def _without(nothing: T, items: list[T]) -> list[T]:
    return [item for item in items if item != nothing] if nothing in items else items


def _put_attributes(
    attributes: dict[str, Any], user: User, phones: list[Phone] | None, odd: list[str]
) -> None:
    account, created = user.account_type, user.created_at
    if account != user.account_type_camel:
        account = _twin(account, user.account_type_camel, "account_type", odd)
    if created != user.created_at_camel:
        created = _twin(created, user.created_at_camel, "created_at", odd)
    if account:
        attributes["account_type"] = account
    if user.external_id is not None and (external := text_of(user.external_id)):
        attributes["external_id"] = external
    if user.emails is not None:
        attributes["emails"] = _without(_NO_EMAIL, user.emails)
    if phones is not None:
        attributes["phone_numbers"] = _without(_NO_PHONE, phones)
    if text := carried_time(created, "created_at", odd):
        attributes["created_at"] = text


_CLOCKS: dict[TimeSource, str] = {
    "row": "$.payload[...].user.updated_at",
    "event": "$.(meta|event).created_timestamp",
}
FYND = Vendor("fynd", "Fynd", convert, (Body,), _CLOCKS)
