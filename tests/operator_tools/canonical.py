"""Canonical events and their records, for tests that need no vendor."""

from typing import Any

from app.canonical import Data, Event, EventType, Points, encode_event
from tests.kafka import Record

STAMP_MS = 1_767_225_600_000
"""When the records were written: 2026-01-01."""


def event(
    sub: str,
    time: str,
    *,
    vendor: str = "selfcommunity",
    type_: EventType = "user.updated",
    origin: str = "",
    attributes: dict[str, Any] | None = None,
    **claims: Any,
) -> Event:
    """Returns an event of a user: a full snapshot, or a deletion."""
    deleted = type_ == "user.deleted"
    return Event(
        specversion="1.0",
        id=f"{sub}:{time}:{type_}",
        source=f"/{vendor}/acme",
        type=type_,
        time=time,
        partitionkey=f"{vendor}/acme/{sub}",
        vendor=vendor,
        tenant="acme",
        origin=origin or f"vendor.{vendor}.users/0/0",
        data=Data(
            snapshot="partial" if deleted else "full",
            user={"sub": sub, **claims},
            attributes={} if attributes is None else attributes,
        ),
    )


def loyalty_event(sub: str, time: str, balance: int) -> Event:
    """Returns an event that states a balance of points."""
    made = event(sub, time, type_="user.loyalty_points_updated")
    made.data = Data(snapshot="partial", user={"sub": sub}, points=Points(delta=1, balance=balance))
    return made


def record_of(event: Event, offset: int, partition: int = 0) -> Record:
    """Returns the record of an event in a canonical topic."""
    return Record("events", partition, offset, STAMP_MS, event.partitionkey.encode(), encode_event(event), [])
