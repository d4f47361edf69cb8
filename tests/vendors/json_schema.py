"""Checks values by a JSON Schema, with the keywords that docs/vendors/rocketchat-envelope.schema.json
uses."""

import re
from collections.abc import Callable
from typing import Any, Final

Schema = dict[str, Any]

_TYPES: Final[dict[str, type | tuple[type, ...]]] = {
    "object": dict,
    "string": str,
    "integer": int,
    "number": (int, float),
    "null": type(None),
}


def accepts(schema: Schema, value: Any) -> bool:
    """Returns whether the schema accepts the value. Raises KeyError for a keyword that is unknown here."""
    return _accepts(schema, value, schema)


def _accepts(schema: Schema, value: Any, root: Schema) -> bool:
    return all(_KEYWORDS[keyword](schema, value, root) for keyword in schema)


def _always(schema: Schema, value: Any, root: Schema) -> bool:
    return True


def _ref(schema: Schema, value: Any, root: Schema) -> bool:
    return _accepts(root["$defs"][schema["$ref"].removeprefix("#/$defs/")], value, root)


def _type(schema: Schema, value: Any, root: Schema) -> bool:
    names = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    return not isinstance(value, bool) and any(isinstance(value, _TYPES[name]) for name in names)


def _enum(schema: Schema, value: Any, root: Schema) -> bool:
    return value in schema["enum"]


def _const(schema: Schema, value: Any, root: Schema) -> bool:
    return bool(value == schema["const"])


def _min_length(schema: Schema, value: Any, root: Schema) -> bool:
    return not isinstance(value, str) or len(value) >= schema["minLength"]


def _pattern(schema: Schema, value: Any, root: Schema) -> bool:
    """Returns whether the pattern fits. In Python `$` also fits before a line break at the end, in JSON
    Schema it does not."""
    whole = schema["pattern"].removeprefix("^").removesuffix("$")
    return not isinstance(value, str) or re.fullmatch(whole, value) is not None


def _required(schema: Schema, value: Any, root: Schema) -> bool:
    return not isinstance(value, dict) or all(name in value for name in schema["required"])


def _properties(schema: Schema, value: Any, root: Schema) -> bool:
    parts = value if isinstance(value, dict) else {}
    said = schema["properties"]
    return all(_accepts(said[name], parts[name], root) for name in said if name in parts)


def _any_of(schema: Schema, value: Any, root: Schema) -> bool:
    return any(_accepts(each, value, root) for each in schema["anyOf"])


def _all_of(schema: Schema, value: Any, root: Schema) -> bool:
    return all(_accepts(each, value, root) for each in schema["allOf"])


def _if(schema: Schema, value: Any, root: Schema) -> bool:
    branch = "then" if _accepts(schema["if"], value, root) else "else"
    return _accepts(schema.get(branch, {}), value, root)


_KEYWORDS: Final[dict[str, Callable[[Schema, Any, Schema], bool]]] = {
    **dict.fromkeys(["$schema", "$id", "$defs", "title", "description", "then", "else"], _always),
    "$ref": _ref,
    "type": _type,
    "enum": _enum,
    "const": _const,
    "minLength": _min_length,
    "pattern": _pattern,
    "required": _required,
    "properties": _properties,
    "anyOf": _any_of,
    "allOf": _all_of,
    "if": _if,
}
