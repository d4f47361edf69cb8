"""Which values differ between two rows of a user, to be shown before an operator's event is written."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET

from app.state import DeletedUser, LoyaltyRow, User


class ValueChange(NamedTuple):
    """A field, its value before and its value after, as JSON; None if it has none."""

    name: str
    before: str | None
    after: str | None

    def as_json(self) -> dict[str, Any]:
        """Returns it for an encoder of JSON; a missing value is null."""
        values = (None if text is None else msgspec.Raw(text.encode()) for text in (self.before, self.after))
        return dict(zip(("name", "before", "after"), (self.name, *values), strict=True))

    def __str__(self) -> str:
        return f"{self.name}: {self.before or 'none'} -> {self.after or 'none'}"


def value_changes(before: User | None, after: User | None) -> list[ValueChange]:
    """Returns the fields of the users row whose values differ, sorted by name."""
    old, new = dict(_fields(before)), dict(_fields(after))
    return [
        ValueChange(name, old.get(name), new.get(name))
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    ]


def field_names(user: User | None, loyalty: LoyaltyRow | None) -> list[str]:
    """Returns the names of all that both rows hold of a user, sorted."""
    names = [name for name, _ in _fields(user)]
    if loyalty is not None:
        names += [name for name in ("reputation", "points") if getattr(loyalty, name) is not UNSET]
        names += ["entries"] if loyalty.entries else []
    return sorted(names)


def fields_of_row(user: User | None) -> dict[str, Any]:
    """Returns the values of a users row by the names of their fields, members of the address one by one."""
    if user is None:
        return {}
    if isinstance(user, DeletedUser):
        return {"status": user.status}
    values: dict[str, Any] = {}
    for claim, value in user.profile.items():
        if claim == "address" and isinstance(value, dict):
            values |= {f"profile.address.{member}": part for member, part in value.items()}
        else:
            values[f"profile.{claim}"] = value
    values |= {f"attributes.{name}": value for name, value in user.attributes.items()}
    values |= {f"settings.{name}": value for name, value in user.settings.items()}
    if user.status is not UNSET:
        values["status"] = user.status
    if user.presence is not UNSET:
        values["presence"] = user.presence.status
    return values


def _fields(user: User | None) -> Iterator[tuple[str, str]]:
    for name, value in fields_of_row(user).items():
        yield name, msgspec.json.encode(value).decode()
