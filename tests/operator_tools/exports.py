"""Users of each vendor, as an export has them and as its webhook reports them."""

import json
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from app.canonical import Event
from app.new_event import NewEvent
from app.outcome import Emit
from app.tools.exports.user_snapshots import SnapshotConverter
from app.vendors import VENDORS
from tests.state.events import START, at
from tests.vendors.records import as_read, outcome_of

NOW: Final = (START + 3600) * 1000
"""When the commands are called, in milliseconds since 1970."""
Json = dict[str, Any]


class Exported(NamedTuple):
    """One vendor. `user(sub, name, second)` returns an object of the vendor's list; what has a time of its
    own has that of `second`. `body(user, second, number)` returns a webhook's body with it as a whole."""

    tenant: str
    user: Callable[[str, str, int], Json]
    body: Callable[[Json, int, int], Json]
    deletion: Callable[[str, int], Json]
    has_time: bool
    """Whether the objects have a time of their own."""


def _selfcommunity_user(sub: str, name: str, second: int) -> Json:
    return {"id": int(sub), "real_name": name, "email": f"{name}@example.com", "status": "a", "reputation": 7}


def _selfcommunity_body(user: Json, second: int, number: int) -> Json:
    return {"event_id": number + 1, "type": "user.updated", "created": START + second, "data": user}


def _selfcommunity_deletion(sub: str, second: int) -> Json:
    return {"type": "user.deleted", "created": START + second, "data": {"id": int(sub), "status": "u"}}


def _fynd_user(sub: str, name: str, second: int) -> Json:
    emails = [{"email": f"{name}@example.com", "active": True, "primary": True, "verified": False}]
    return {"user_id": sub, "first_name": name, "emails": emails, "active": True, "updated_at": at(second)}


def _fynd_body(user: Json, second: int, number: int, kind: str = "update") -> Json:
    event = {"name": "user", "type": kind, "id": str(number), "created_timestamp": (START + second) * 1000}
    return {"event": event, "company_id": 7, "application_id": ["app"], "payload": [{"user": user}]}


def _fynd_deletion(sub: str, second: int) -> Json:
    return _fynd_body({"user_id": sub}, second, 99, "delete")


def _magine_user(sub: str, name: str, second: int) -> Json:
    return {"userId": sub, "name": name, "email": f"{name}@example.com", "mobilePhone": "", "tags": [name]}


def _magine_body(user: Json, second: int, number: int, kind: str = "created") -> Json:
    return {"type": f"user.{kind}", "timestamp": at(second), "data": user}


def _magine_deletion(sub: str, second: int) -> Json:
    return _magine_body({"userId": sub}, second, 0, "deleted")


def _rocketchat_user(sub: str, name: str, second: int) -> Json:
    emails = [{"address": f"{name}@example.com", "verified": True}]
    times = {"createdAt": at(0), "updatedAt": at(second)}
    return {"id": sub, "name": name, "emails": emails, "isEnabled": True, "roles": [name], **times}


def _rocketchat_body(user: Json, second: int, number: int) -> Json:
    return {"event": "IPostUserUpdated", "eventId": str(number), "context": {"user": user}}


def _rocketchat_deletion(sub: str, second: int) -> Json:
    return {"event": "IPostUserDeleted", "occurredAt": at(second), "context": {"user": {"id": sub}}}


def _amity_user(sub: str, name: str, second: int) -> Json:
    times = {"createdAt": at(0), "updatedAt": at(second)}
    return {"userId": sub, "displayName": name, "isGlobalBan": False, "metadata": {"x": name}, **times}


def _amity_body(user: Json, second: int, number: int) -> Json:
    return {"event": "user.didUpdate", "data": {"users": [user], "files": []}}


def _amity_deletion(sub: str, second: int) -> Json:
    return _amity_body({**_amity_user(sub, "", second), "isDeleted": True}, second, 0)


EXPORTED: Final = {
    "selfcommunity": Exported(
        "acme", _selfcommunity_user, _selfcommunity_body, _selfcommunity_deletion, has_time=False
    ),
    "fynd": Exported("7.app", _fynd_user, _fynd_body, _fynd_deletion, has_time=True),
    "magine": Exported("acme", _magine_user, _magine_body, _magine_deletion, has_time=False),
    "rocketchat": Exported("acme", _rocketchat_user, _rocketchat_body, _rocketchat_deletion, has_time=True),
    "amity": Exported("acme", _amity_user, _amity_body, _amity_deletion, has_time=True),
}
WITH_TIME: Final = [vendor for vendor, it in EXPORTED.items() if it.has_time]
WITHOUT_TIME: Final = [vendor for vendor, it in EXPORTED.items() if not it.has_time]


def line(value: object) -> bytes:
    return json.dumps(value).encode()


def converter(vendor: str, as_of: int | None = None, **parts: Any) -> SnapshotConverter:
    """`as_of`: seconds after the start of the tests' time."""
    tenant = parts.pop("tenant", EXPORTED[vendor].tenant)
    millis = None if as_of is None else (START + as_of) * 1000
    return SnapshotConverter(vendor, tenant, millis, parts.pop("now", NOW), parts.pop("limit", 1 << 20))


def imported(vendor: str, value: object, as_of: int | None = None) -> Event:
    """The one event of a line of an export, as a consumer reads it."""
    return as_read(written(vendor, value, as_of))


def written(vendor: str, value: object, as_of: int | None = None) -> NewEvent:
    outcome = converter(vendor, as_of).convert(line(value), 1)
    assert isinstance(outcome, Emit), outcome
    (event,) = outcome.events
    return event


def streamed(vendor: str, body: Json) -> Event:
    """The one event of a body that the vendor's webhook sent."""
    headers = [("tenant", EXPORTED[vendor].tenant.encode())]
    outcome = outcome_of(VENDORS[vendor], line(body), headers=headers, timestamp=NOW)
    assert isinstance(outcome, Emit), outcome
    (event,) = outcome.events
    return as_read(event)
