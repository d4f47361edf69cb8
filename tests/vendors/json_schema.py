"""JSON Schema as far as docs/rocketchat-envelope.schema.json uses it."""

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
    """Whether the value is as the whole document says. Raises KeyError for a keyword unknown here."""
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
    """Of a whole text: Python's `$` is also before a last line break, JSON Schema's is not."""
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
