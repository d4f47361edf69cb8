"""The JSON Schema (2020-12) of a struct: its fields, their types, and what their annotations say."""

from typing import Any, Final

import msgspec
from msgspec import Struct

from app.schemas.common_forms import COMMON_FORMS
from app.vendors.needed import NEEDED_MARK

Json = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
DEFINITIONS: Final = "#/$defs/"

_NULL: Final[Json] = {"type": "null"}
_MAPS: Final = ("properties", "patternProperties")
_LISTS: Final = ("anyOf", "allOf", "oneOf")


def struct_schema(shape: type[Struct]) -> tuple[Json, dict[str, Json]]:
    """Returns the schema of the struct, and those of the structs in it by name, to which it refers as
    `#/$defs/NAME`.

    A member that is marked as needed is required and not null. Members that no field has are allowed, unless
    the struct forbids them.
    """
    (root,), components = msgspec.json.schema_components([shape], ref_template=f"{DEFINITIONS}{{name}}")
    schemas = {_public(name): _tidy(schema) for name, schema in components.items()}
    own = schemas.pop(_public(root["$ref"].removeprefix(DEFINITIONS)))
    return own, schemas


def document(identity: str, title: str, description: str, schema: Json, definitions: dict[str, Json]) -> Json:
    """Returns a whole schema document. `schema` has the keywords of its root."""
    head = {"$schema": DIALECT, "$id": identity, "title": title, "description": description}
    rest = {keyword: value for keyword, value in schema.items() if keyword not in head}
    shared: dict[str, Json] = {}
    whole = {
        **_shared(rest, shared),
        "$defs": {name: _shared(it, shared) for name, it in definitions.items()},
    }
    whole["$defs"] |= {name: shared[name] for name in sorted(shared)}
    return {**head, **(whole if whole["$defs"] else rest)}


def _shared(schema: Any, used: dict[str, Json]) -> Any:
    """Returns the schema with references to COMMON_FORMS. `used` gets those to which it refers."""
    if isinstance(schema, list):
        return [_shared(each, used) for each in schema]
    if not isinstance(schema, dict):
        return schema
    for name, (text, form) in COMMON_FORMS.items():
        if form.items() <= schema.items():
            if name not in used:
                used[name] = {"description": text}
                used[name] |= {keyword: _shared(value, used) for keyword, value in form.items()}
            rest = {keyword: value for keyword, value in schema.items() if keyword not in form}
            return _beside(rest, {"$ref": f"{DEFINITIONS}{name}"})
    return {keyword: _shared(value, used) for keyword, value in schema.items()}


def described(schema: Json, texts: dict[str, str]) -> None:
    """Gives the members of an object their descriptions. Raises ValueError if `texts` lacks a member or names
    one that does not exist."""
    if texts.keys() != schema["properties"].keys():
        wrong = texts.keys() ^ schema["properties"].keys()
        raise ValueError(f"{schema.get('title')}: no description fits {', '.join(sorted(wrong))}")
    for name, text in texts.items():
        schema["properties"][name] = _beside({"description": text}, schema["properties"][name])


def _beside(said: Json, schema: Json) -> Json:
    """Returns the schema with more keywords. Older dialects, AsyncAPI's among them, ignore what is beside a
    reference."""
    return {**said, "allOf": [schema]} if said and "$ref" in schema else {**said, **schema}


def _public(name: str) -> str:
    return name.lstrip("_")


def _tidy(schema: Json) -> Json:
    """Returns the schema without what only Python knows, its needed members required and not null."""
    tidy = {keyword: value for keyword, value in schema.items() if keyword not in ("default", NEEDED_MARK)}
    if "title" in tidy:
        tidy["title"] = _public(tidy["title"])
    if "description" in tidy:
        tidy["description"] = " ".join(tidy["description"].split())
    if reference := tidy.get("$ref"):
        tidy["$ref"] = f"{DEFINITIONS}{_public(reference.removeprefix(DEFINITIONS))}"
    if "properties" in tidy:
        required = [
            *tidy.get("required", []),
            *(name for name, each in _members(schema) if NEEDED_MARK in each),
        ]
        tidy["required"] = sorted(required, key=list(tidy["properties"]).index)
        if not required:
            del tidy["required"]
    for keyword in _MAPS:
        if keyword in tidy:
            tidy[keyword] = {name: _tidy(each) for name, each in tidy[keyword].items()}
    for keyword in _LISTS:
        if keyword in tidy:
            tidy[keyword] = [_tidy(each) for each in tidy[keyword]]
    for keyword in ("items", "additionalProperties"):
        if isinstance(tidy.get(keyword), dict):
            tidy[keyword] = _tidy(tidy[keyword])
    return _with_types_together(_not_null(tidy) if schema.get(NEEDED_MARK) else tidy)


def _members(schema: Json) -> list[tuple[str, Json]]:
    return list(schema["properties"].items())


def _not_null(schema: Json) -> Json:
    forms = [form for form in schema.get("anyOf", []) if form != _NULL]
    if len(forms) != 1:
        return {**schema, "anyOf": forms} if forms else schema
    rest = {keyword: value for keyword, value in schema.items() if keyword != "anyOf"}
    return _beside(rest, forms[0])


def _with_types_together(schema: Json) -> Json:
    """Returns `{"type": ["string", "null"]}` for `anyOf` of the two types."""
    forms = schema.get("anyOf", ())
    if not forms or any(form.keys() != {"type"} for form in forms):
        return schema
    names = [form["type"] for form in forms]
    if "number" in names and "integer" in names:
        names.remove("integer")
    rest = {keyword: value for keyword, value in schema.items() if keyword != "anyOf"}
    return {**rest, "type": names[0] if len(names) == 1 else names}
