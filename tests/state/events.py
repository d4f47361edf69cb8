"""Canonical events for the tests of the state, built as JSON and read by the real decoder."""

from typing import Any

import msgspec

from app.canonical import Event, decode_event
from app.times import MICROS_PER_SECOND

START = 1_704_067_200  # 2024-01-01T00:00:00Z in seconds


def at(second: int) -> str:
    """The canonical text of the time that is `second` seconds (less than 60) after START."""
    return f"2024-01-01T00:00:{second:02d}.000000Z"


def micros(second: int) -> int:
    """The stamp of that time."""
    return (START + second) * MICROS_PER_SECOND


def event(kind: str, second: int, *, full: bool = False, time: str | None = None, **members: Any) -> Event:
    """An event of type `user.<kind>`. Of `members`, `user` has the claims but `sub`, `id` and `sub` are the
    event's own, and all others are members of `data`."""
    sub = members.pop("sub", "7")
    event_id = members.pop("id", f"{kind}:{second}")
    claims = {"sub": sub, **members.pop("user", {})}
    body = {
        "specversion": "1.0",
        "id": event_id,
        "source": "/vendors/magine/acme",
        "type": f"user.{kind}",
        "time": time or at(second),
        "partitionkey": f"magine/acme/{sub}",
        "vendor": "magine",
        "tenant": "acme",
        "data": {"snapshot": "full" if full else "partial", "user": claims, **members},
    }
    return decode_event(msgspec.json.encode(body))


def full(second: int, **members: Any) -> Event:
    """A full snapshot."""
    return event("updated", second, full=True, **members)


def partial(second: int, **members: Any) -> Event:
    """A partial update."""
    return event("updated", second, **members)


def deleted(second: int, **members: Any) -> Event:
    """A deletion, as the mappers write it."""
    return event("deleted", second, status="deleted", deletion={"kind": "soft"}, **members)


def score(second: int, **members: Any) -> Event:
    """A change of the reputation by 1."""
    change = {"delta": 1, "reason": "gain", **members.pop("score", {})}
    return event("score_updated", second, score=change, **members)


def points(second: int, **members: Any) -> Event:
    """A change of the loyalty points by 10."""
    return event(
        "loyalty_points_updated", second, points={"delta": 10, **members.pop("points", {})}, **members
    )
