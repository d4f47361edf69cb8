"""Records of the vendors' topics, and what becomes of them."""

from typing import Any

from msgspec import Struct

from app.canonical import Event
from app.outcome import Emit, Outcome
from app.vendors import VENDORS, Options, Vendor, convert

NOON = 1763726400000  # 2025-11-21T12:00:00Z, in milliseconds
AMITY, MAGINE, ROCKETCHAT = VENDORS["amity"], VENDORS["magine"], VENDORS["rocketchat"]
# The least that each needs. The first tells its time, the second leaves it to the record.
MAGINE_BODY = b'{"type":"user.updated","timestamp":"2025-11-21T10:00:00Z","data":{"userId":"u-1"}}'
LOGOUT_BODY = b'{"event":"IPostUserLoggedOut","workspaceId":"hq","context":{"id":"u-1"}}'


class Given(Struct):
    """A record as the consumer hands it over."""

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
    return event
