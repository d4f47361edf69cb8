"""The schema of a vendor's body: what its mapper needs, and what it reads."""

from collections.abc import Iterator
from typing import Any, Final

from msgspec import Struct

from app.schemas.struct_schema import DEFINITIONS, Json, document, struct_schema
from app.vendors import Vendor

_DESCRIPTION: Final = (
    "A record is dead if something that is required is missing or unusable. Any other member that is named"
    " here is optional: with a value of another type it is left out of the event and counted, and the event"
    " is not lost. Members that are not named here are allowed and not carried. Events of other families,"
    " which are skipped, are not described."
)


def body_schema(vendor: Vendor) -> Json:
    """Returns the schema document of the bodies of all events of a vendor that are mapped."""
    definitions: dict[str, Json] = {}
    tag, kinds = "", list[tuple[list[str], Json]]()
    for shape in vendor.shapes:
        schema, inner = struct_schema(shape)
        for each in (schema, *inner.values()):
            _open(each, vendor.open_names)
        definitions |= inner
        tag, name = _tag_of(shape)
        _add(kinds, name, _without(schema, tag))
    root = _one(kinds[0], tag) if len(kinds) == 1 else _several(kinds, tag, definitions)
    title = f"A body of {vendor.title}, as Rollcall reads it"
    schema = {**root, **vendor.rules}
    return document(f"urn:rollcall:body:{vendor.name}", title, _DESCRIPTION, schema, definitions)


def event_names(vendor: Vendor) -> Iterator[tuple[str, str]]:
    """Yields the member of a body that has the event's name, and the name, of each mapped event. Yields
    nothing if one shape reads the bodies of all events."""
    for shape in vendor.shapes:
        tag, name = _tag_of(shape)
        if tag:
            yield tag, name


def _tag_of(shape: type[Struct]) -> tuple[str, str]:
    """Returns the member that has the event's name, and the name; twice empty text for a shape that is not of
    one event."""
    config = shape.__struct_config__
    return (config.tag_field, str(config.tag)) if config.tag_field else ("", "")


def _without(schema: Json, member: str) -> Json:
    """Returns the schema of a body without the member that has the event's name."""
    if not member:
        return schema
    members = {name: each for name, each in schema["properties"].items() if name != member}
    required = [name for name in schema["required"] if name != member]
    return {**schema, "properties": members, "required": required}


def _add(kinds: list[tuple[list[str], Json]], name: str, schema: Json) -> None:
    """Adds an event to those whose bodies have the same schema."""
    for names, same in kinds:
        if same == schema:
            names.append(name)
            return
    kinds.append(([name], schema))


def _named(tag: str, names: list[str], schema: Json) -> Json:
    """Returns the schema of a body with the member that has the event's name."""
    if not tag:
        return schema
    name = {"description": "The event's name.", "enum": names}
    members = {tag: name, **schema.get("properties", {})}
    return {**schema, "properties": members, "required": [tag, *schema.get("required", [])]}


def _one(kind: tuple[list[str], Json], tag: str) -> Json:
    names, schema = kind
    return _named(tag, names, schema)


def _several(kinds: list[tuple[list[str], Json]], tag: str, definitions: dict[str, Json]) -> Json:
    """Returns the schema of bodies whose shape depends on the event's name."""
    rules = list[Json]()
    for names, schema in kinds:
        definitions[schema["title"]] = schema
        is_one_of = {"properties": {tag: {"enum": names}}, "required": [tag]}
        rules.append({"if": is_one_of, "then": {"$ref": f"{DEFINITIONS}{schema['title']}"}})
    every: Json = {"type": "object", "properties": {}, "allOf": rules}
    return _named(tag, [name for names, _ in kinds for name in names], every)


def _open(schema: Json, ending: str) -> None:
    """Says that other members are read as well if their names end like those of some fields."""
    known: dict[str, Any] = schema.get("properties", {})
    same = next((each for name, each in known.items() if ending and name.endswith(ending)), None)
    if same is not None:
        schema["patternProperties"] = {f"{ending}$": same}
