"""What all bodies share: the names of users and the times of events, both made of numbers."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

Json = dict[str, Any]

# Events are a millisecond apart, so a later one of a user is also the newer one.
_EPOCH: Final = datetime(2024, 1, 1, tzinfo=UTC)
_FIRST: Final = ("Ada", "Grace", "Alan", "Søren", "Zoë", "Linus", "Barbara", "Edsger", "Amartya", "Chinua")
_LAST: Final = ("Lovelace", "Hopper", "Turing", "Kierkegaard", "Nuñez", "Liskov", "Dijkstra", "Sen", "Achebe")


def event_time(number: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=number)


def rfc3339(number: int) -> str:
    return event_time(number).strftime("%Y-%m-%dT%H:%M:%S.") + f"{number % 1000:03d}Z"


def name_of(user: int) -> tuple[str, str]:
    """Returns the given name and the family name."""
    return _FIRST[user % len(_FIRST)], _LAST[user // len(_FIRST) % len(_LAST)]


def email_of(user: int) -> str:
    return f"user{user}@example.com"
