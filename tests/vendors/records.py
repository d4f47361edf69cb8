"""Makes records of the vendors' topics, and their outcomes."""

import json
from typing import Any

from msgspec import Struct

from app.canonical import Event, decode_event, encode_event
from app.new_event import NewEvent
from app.outcome import Emit, Outcome
from app.vendors import VENDORS, Options, Vendor, convert
from tests.vendors.fixtures import fixtures_of

NOON = 1763726400000  # 2025-11-21T12:00:00Z, in milliseconds
AMITY, MAGINE, ROCKETCHAT = VENDORS["amity"], VENDORS["magine"], VENDORS["rocketchat"]
# The smallest bodies. The first has a time; the second has none, so the time is that of the record.
MAGINE_BODY = b'{"type":"user.updated","timestamp":"2025-11-21T10:00:00Z","data":{"userId":"u-1"}}'
LOGOUT_BODY = b'{"event":"IPostUserLoggedOut","workspaceId":"hq","context":{"id":"u-1"}}'


class Given(Struct):
    """A record in the form in which the consumer gives it."""

    value: bytes | None
    headers: list[tuple[str, Any]] = []
    timestamp: int | None = NOON
    offset: int = 7


def outcome_of(
    vendor: Vendor, value: bytes | None, *, options: Options | None = None, **parts: Any
) -> Outcome:
    return convert(vendor, Given(value, **parts), f"vendor.{vendor.name}.users/3", options or Options())


def event_of(vendor: Vendor, value: bytes, **parts: Any) -> Event:
    outcome = outcome_of(vendor, value, **parts)
    assert isinstance(outcome, Emit)
    (event,) = outcome.events
    return as_read(event)


def as_read(event: NewEvent) -> Event:
    """Returns the event that a consumer decodes from what is written."""
    return decode_event(encode_event(event))


def body_named(vendor: str, name: object) -> Any:
    """Returns the body of the vendor's first fixture that is emitted, with another name of the event."""
    for fixture in fixtures_of(vendor):
        if fixture.value and "events" in fixture.outcome:
            body, old = json.loads(fixture.value), fixture.outcome["events"][0]["vendortype"]
            if _rename(body, old, name):
                return body
    raise LookupError(f"no emitted fixture of {vendor} has the name of its event as the value of a member")


def _rename(value: Any, old: str, new: object) -> bool:
    for member, inner in value.items() if isinstance(value, dict) else ():
        if inner == old:
            value[member] = new
            return True
        if _rename(inner, old, new):
            return True
    return False
