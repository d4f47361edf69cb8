"""Reads bodies in the plain way: first the name, then the shape, and each field on its own."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.vendors.event_bodies import EventBodies
from app.vendors.tolerant_reader import TolerantReader


@contextmanager
def plain_pass() -> Iterator[None]:
    """While it lasts, no body is decoded at once. So every answer is the one that the plain way gives."""
    typed, read = TolerantReader.typed, EventBodies.read
    TolerantReader.typed = _refuses  # type: ignore[method-assign, assignment]
    EventBodies.read = EventBodies.read_plainly  # type: ignore[method-assign]
    try:
        yield
    finally:
        TolerantReader.typed, EventBodies.read = typed, read  # type: ignore[method-assign]


def _refuses(_reader: object, _raw: object) -> None:
    return None
