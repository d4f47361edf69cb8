"""The names in a body that no mapper reads or maps: what a vendor has added, or what we chose not to
carry."""

import types
from functools import cache
from itertools import islice
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct

from app.nesting import too_deep
from app.times import BEFORE_ALL
from app.vendors.model import Invalid, Message, Skipped, Vendor
from app.vendors.tolerant_reader import NotJson

MAX_NAMES: Final = 1000
MAX_NAME_LENGTH: Final = 256


def unmapped_fields(vendor: Vendor, body: bytes) -> set[str]:
    """The names of the body's members that no shape of the vendor has; none if the body is not JSON.

    An object that is not read counts as one name. The names become labels of a metric, so there are at most
    MAX_NAMES, and none has more than MAX_NAME_LENGTH characters.
    """
    if too_deep(body):
        return set()
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return set()
    found: set[str] = set()
    _visit(value, vendor.shapes, found)
    ends = vendor.open_names
    names = (it for it in found if len(it) <= MAX_NAME_LENGTH and not (ends and it.endswith(ends)))
    return set(islice(names, MAX_NAMES))


def event_name(vendor: Vendor, body: bytes) -> str | None:
    """The name of the body's event; None if it has none, or if the vendor does not tell it."""
    if vendor.event_name is None:
        return None
    try:
        name = vendor.event_name(Message(body, {}, BEFORE_ALL, []))
    except (Invalid, Skipped, NotJson):
        return None
    return name if type(name) is str and len(name) <= MAX_NAME_LENGTH else None


def _visit(value: Any, shapes: tuple[type[Struct], ...], found: set[str]) -> None:
    if isinstance(value, list) and shapes:
        for item in value:
            _visit(item, shapes, found)
    elif isinstance(value, dict) and shapes:
        members = _members(shapes)
        for name, member in value.items():
            if name not in members:
                found.add(name)
            else:
                _visit(member, members[name], found)


@cache
def _members(shapes: tuple[type[Struct], ...]) -> dict[str, tuple[type[Struct], ...]]:
    """The shapes that a member's value can have, by the name of each member that any of the shapes has."""
    members: dict[str, tuple[type[Struct], ...]] = {}
    for shape in shapes:
        hints = get_type_hints(shape)
        if tag := shape.__struct_config__.tag_field:
            members[tag] = ()
        for field in msgspec.structs.fields(shape):
            inner = members.get(field.encode_name, ())
            members[field.encode_name] = inner + tuple(_structs(hints[field.name]))
    return members


def _structs(kind: Any) -> list[type[Struct]]:
    if isinstance(kind, type) and issubclass(kind, Struct):
        return [kind]
    if get_origin(kind) in (Union, types.UnionType, list):
        return [shape for part in get_args(kind) for shape in _structs(part)]
    return []
