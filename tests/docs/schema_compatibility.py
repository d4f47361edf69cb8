"""What a change of the canonical event's schema breaks for those who read events by a released one."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

Schema = dict[str, Any]

_VERSION: Final = re.compile(r"urn:rollcall:user-event:([1-9][0-9]*)")
_BOUNDS: Final = (
    "pattern",
    "maxLength",
    "minLength",
    "maximum",
    "minimum",
    "format",
    "maxProperties",
    "maxItems",
)


def version_of(schema: Schema) -> int:
    """Returns the version that the schema's `$id` has. Raises ValueError if it has none."""
    match = _VERSION.fullmatch(schema.get("$id", ""))
    if match is None:
        raise ValueError("expected an $id of the form urn:rollcall:user-event:1")
    return int(match[1])


def problems(released: Mapping[int, Schema], current: Schema) -> list[str]:
    """Returns what is wrong with the current schema beside the released ones, by their versions: what it
    breaks without a version of its own, or that its version is less than a released one."""
    version = version_of(current)
    if version in released:
        return breaking_changes(released[version], current)
    if version < max(released, default=0):
        return [f"$id: version {version} is less than the released {max(released)}"]
    return []


def breaking_changes(old: Schema, new: Schema) -> list[str]:
    """Returns each change that a reader by the old schema can notice, with the path of the member: a member
    that is gone, retyped or no longer always there, and a closed set without a former value.

    New members, and new values of a closed set, are no such changes: a reader ignores what it does not know.
    """
    return list(_changes(_Place(old, old), _Place(new, new), "$", frozenset()))


class _Place:
    """A schema in its document, with its references followed and the schemas of its `allOf` joined."""

    def __init__(self, schema: Schema, root: Schema) -> None:
        self.root = root
        self.schema: Schema = {}
        self.names: tuple[str, ...] = ()
        self._add(schema)

    def _add(self, schema: Schema) -> None:
        if reference := schema.get("$ref"):
            name = reference.removeprefix("#/$defs/")
            self.names = (*self.names, name)
            self._add(self.root["$defs"][name])
        for each in schema.get("allOf", ()):
            self._add(each)
        self.schema |= {
            keyword: value for keyword, value in schema.items() if keyword not in ("$ref", "allOf")
        }

    def of(self, schema: Schema) -> "_Place":
        return _Place(schema, self.root)

    @property
    def types(self) -> frozenset[str]:
        kind = self.schema.get("type", ())
        return frozenset([kind] if isinstance(kind, str) else kind)

    @property
    def values(self) -> list[Any] | None:
        """Returns the values of a closed set; None if the set is not closed."""
        if "const" in self.schema:
            return [self.schema["const"]]
        return self.schema.get("enum")

    @property
    def members(self) -> Schema:
        found: Schema = self.schema.get("properties", {})
        return found

    @property
    def required(self) -> frozenset[str]:
        return frozenset(self.schema.get("required", ()))


def _changes(old: _Place, new: _Place, path: str, seen: frozenset[tuple[str, ...]]) -> Iterator[str]:
    if old.names and old.names in seen:
        return
    seen |= {old.names}
    if old.types != new.types:
        yield f"{path}: its type was {_words(old.types)} and is {_words(new.types)}"
    yield from _lost_values(old, new, path)
    for keyword in _BOUNDS:
        if old.schema.get(keyword) != new.schema.get(keyword):
            yield f"{path}: its {keyword} has changed"
    for name, member in old.members.items():
        if name not in new.members:
            yield f"{path}.{name}: it is gone"
            continue
        if name in old.required - new.required:
            yield f"{path}.{name}: it is not always there any more"
        yield from _changes(old.of(member), new.of(new.members[name]), f"{path}.{name}", seen)
    for keyword in ("items", "additionalProperties"):
        yield from _changes_within(keyword, old, new, f"{path}[...]", seen)
    yield from _changed_forms(old, new, path, seen)


def _lost_values(old: _Place, new: _Place, path: str) -> Iterator[str]:
    if old.values is None and new.values is not None:
        yield f"{path}: it has become a closed set"
    if old.values is not None:
        if new.values is None:
            yield f"{path}: it is no closed set any more"
        else:
            yield from (f"{path}: {it!r} is no value any more" for it in old.values if it not in new.values)


def _changes_within(
    keyword: str, old: _Place, new: _Place, path: str, seen: frozenset[tuple[str, ...]]
) -> Iterator[str]:
    before, after = old.schema.get(keyword), new.schema.get(keyword)
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _changes(old.of(before), new.of(after), path, seen)
    elif before != after:
        yield f"{path}: its {keyword} has changed"


def _changed_forms(old: _Place, new: _Place, path: str, seen: frozenset[tuple[str, ...]]) -> Iterator[str]:
    before, after = old.schema.get("anyOf", []), new.schema.get("anyOf", [])
    if len(before) != len(after):
        yield f"{path}: its forms have changed"
        return
    for number, (form, other) in enumerate(zip(before, after, strict=True)):
        yield from _changes(old.of(form), new.of(other), f"{path}({number})", seen)


def _words(types: frozenset[str]) -> str:
    return " or ".join(sorted(types)) or "any"
