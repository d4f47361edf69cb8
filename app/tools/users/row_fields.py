"""The fields of a users row that an operator may set or clear, and their types (docs/tools/repair.md#fields).

They are those that the vendors' mappers fill: a value that no event of the vendor could have written would
surprise every consumer.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

import msgspec
from msgspec import UNSET

from app.new_event import NewData
from app.state import UserRow

_TEXT, _FLAG, _NUMBER = str, bool, int

_CLAIMS: Final[Mapping[str, Any]] = {
    **dict.fromkeys(
        (
            "name",
            "given_name",
            "family_name",
            "middle_name",
            "nickname",
            "preferred_username",
            "profile",
            "picture",
            "website",
            "email",
            "gender",
            "birthdate",
            "zoneinfo",
            "locale",
            "phone_number",
            "address.formatted",
            "address.street_address",
            "address.locality",
            "address.region",
            "address.postal_code",
            "address.country",
        ),
        _TEXT,
    ),
    "email_verified": _FLAG,
    "phone_number_verified": _FLAG,
}

_TEXTS: Final = list[str]
_OBJECTS: Final = list[dict[str, Any]]
ATTRIBUTES: Final[Mapping[str, Mapping[str, Any]]] = {
    "selfcommunity": {
        **dict.fromkeys(("ext_id", "bio", "description", "cover", "date_joined"), _TEXT),
        "role": str | list[str],
        "community_badge": _FLAG,
        "reputation": _NUMBER,
        "tags": Any,
        "counters": dict[str, int],
    },
    "fynd": {
        "company_id": str | int,
        **dict.fromkeys(("application_id", "account_type", "external_id", "created_at"), _TEXT),
        **dict.fromkeys(("emails", "phone_numbers"), _OBJECTS),
    },
    "magine": {"email_opt_in": _FLAG, "country": _TEXT, "tags": _TEXTS},
    "rocketchat": {
        **dict.fromkeys(("type", "bio", "status_text", "created_at", "last_login_at", "app_id"), _TEXT),
        "roles": _TEXTS,
        "utc_offset": int | float,
        "federated": _FLAG,
    },
    "amity": {
        **dict.fromkeys(("user_public_id", "description", "created_at"), _TEXT),
        **dict.fromkeys(("roles", "permissions"), _TEXTS),
        "flag_count": _NUMBER,
        **dict.fromkeys(("is_brand", "is_global_ban"), _FLAG),
        "metadata": dict[str, Any],
        "tags": list[str | dict[str, Any]],
    },
}
"""The attributes of each vendor, and their types."""

_SETTINGS_OF: Final = "selfcommunity"
_STATUS: Final = Literal["active", "blocked"]
_ADDRESS: Final = "address."


class BadField(ValueError):
    """A `--set` or `--clear` names no field, or the value does not fit it. The text does not have the
    value."""


class Changes(NamedTuple):
    """What an operator sets and clears: values by the names of their fields; None clears."""

    values: Mapping[str, Any]

    def partial(self, sub: str) -> NewData:
        """Returns the data of an event that changes these fields and nothing else."""
        user: dict[str, Any] = {"sub": sub}
        groups: dict[str, dict[str, Any]] = {"profile": user, "attributes": {}, "settings": {}}
        data = NewData("partial", UNSET, user)
        for name, value in self.values.items():
            group, _, field = name.partition(".")
            if group == "status":
                data.status = value
            elif name == "profile.address":
                user["address"] = None
            elif group == "profile" and field.startswith(_ADDRESS):
                user.setdefault("address", {})[field.removeprefix(_ADDRESS)] = value
            else:
                groups[group][field] = value
        return _filled(data, groups)

    def full(self, sub: str, row: UserRow | None) -> NewData:
        """Returns the data of a full snapshot: what the row has, with these changes."""
        user: dict[str, Any] = {"sub": sub}
        groups: dict[str, dict[str, Any]] = {"profile": user, "attributes": {}, "settings": {}}
        data = NewData("full", UNSET, user)
        if row is not None:
            user |= row.profile
            groups["attributes"] |= row.attributes
            groups["settings"] |= row.settings
            data.status = row.status
        address = dict(user.pop("address", None) or {})
        if "profile.address" in self.values:
            address = {}
        for name, value in self.values.items():
            group, _, field = name.partition(".")
            if group == "status":
                data.status = value
            elif group == "profile" and field.startswith(_ADDRESS):
                _put(address, field.removeprefix(_ADDRESS), value)
            elif name != "profile.address":
                _put(groups[group], field, value)
        if address:
            user["address"] = address
        return _filled(data, groups)


def _filled(data: NewData, groups: Mapping[str, dict[str, Any]]) -> NewData:
    data.attributes = groups["attributes"] or UNSET
    data.settings = groups["settings"] or UNSET
    return data


def _put(group: dict[str, Any], name: str, value: Any) -> None:
    if value is None:
        group.pop(name, None)
    else:
        group[name] = value


def parse_changes(vendor: str, texts: Sequence[str], jsons: Sequence[str], cleared: Sequence[str]) -> Changes:
    """Returns what the arguments of `--set`, `--set-json` and `--clear` change in a row of the vendor.

    Raises BadField.
    """
    values: dict[str, Any] = {}
    for is_json, arguments in ((False, texts), (True, jsons)):
        for argument in arguments:
            name, equals, text = argument.partition("=")
            if not equals:
                raise BadField("expected a field, = and a value")
            _add(values, name, _value(name, _type_of(vendor, name), text, is_json=is_json))
    for name in cleared:
        if name == "status":
            raise BadField("status cannot be cleared: no event clears it")
        if name != "profile.address":
            _type_of(vendor, name)
        _add(values, name, None)
    if "profile.address" in values and any(name.startswith("profile.address.") for name in values):
        raise BadField("profile.address is cleared, and a member of it is named too")
    return Changes(values)


def _add(values: dict[str, Any], name: str, value: Any) -> None:
    if name in values:
        raise BadField(f"{name} is named twice")
    values[name] = value


def _type_of(vendor: str, name: str) -> Any:
    group, _, field = name.partition(".")
    if name == "status":
        return _STATUS
    if group == "profile" and field in _CLAIMS:
        return _CLAIMS[field]
    if group == "attributes" and field in ATTRIBUTES[vendor]:
        return ATTRIBUTES[vendor][field]
    if group == "settings" and field and vendor == _SETTINGS_OF:
        return _NUMBER
    shown = name if name.isascii() and name.isprintable() else "this"
    raise BadField(f"{shown} is no field of a row of {vendor}: see docs/tools/repair.md")


def _value(name: str, expected: Any, text: str, *, is_json: bool) -> Any:
    try:
        encoded = text.encode()
        if not is_json and _takes_text(expected):
            value = msgspec.convert(text, expected)
        else:
            value = msgspec.json.decode(encoded, type=expected)
    except UnicodeEncodeError:
        raise BadField(f"{name}: expected UTF-8") from None
    except ValueError:
        raise BadField(f"{name}: {_expected(expected, is_json=is_json)}") from None
    if value in ("", None):
        raise BadField(f"{name}: expected a value; --clear clears it")
    return value


def _takes_text(expected: Any) -> bool:
    return expected in (_TEXT, _STATUS, str | list[str], str | int)


def _expected(expected: Any, *, is_json: bool) -> str:
    if expected is _FLAG:
        return "expected true or false"
    if expected is _NUMBER:
        return "expected an integer"
    if expected == _STATUS:
        return "expected active or blocked; rollcall forget deletes a user"
    if expected == int | float:
        return "expected a number"
    return (
        "expected JSON of the type that the vendor's events have"
        if is_json
        else "expected JSON, by --set-json"
    )
