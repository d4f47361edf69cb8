"""Expands the three directives in bodies and rows of a story file: `$like`, `$repeat`, and times as numbers.

`stories/README.md` describes them.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

_LIKE: Final = "$like"
_REPEAT: Final = "$repeat"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Clock = Literal["seconds", "milliseconds", "microseconds"]
"""The unit of times that are numbers, counted from 1970; `seconds` have a fraction."""
Whole = dict[str, Any] | str
"""A table, or an object as JSON text."""


class Wrong(Exception):
    """Something is wrong at `path`, a path inside the file. The text has names and expectations only."""

    def __init__(self, path: str, what: str) -> None:
        super().__init__(what)
        self.path = path


class Parts:
    """The parts of one file, which `$like` in its bodies, rows and other parts names."""

    def __init__(self, parts: Mapping[str, Whole]) -> None:
        self._parts = parts

    def expand(self, path: str, whole: Whole, clock: Clock | None) -> dict[str, Any]:
        """Returns the object without directives. `clock`: None if it has no times that are numbers. Raises
        Wrong."""
        return self._object(path, _parsed(path, whole), clock, ())

    def _value(self, path: str, value: Any, clock: Clock | None, within: tuple[str, ...]) -> Any:
        """Returns the value without directives. `within`: the names of the parts that it is in, the outermost
        first."""
        match value:
            case dict():
                return (
                    _repetition(path, value) if _REPEAT in value else self._object(path, value, clock, within)
                )
            case list():
                return [self._value(f"{path}[{at}]", item, clock, within) for at, item in enumerate(value)]
            case datetime() if value.tzinfo is not None:
                return _number(path, value, clock)
            case str() | int() | float() | None:
                return value
            case _:
                raise Wrong(path, "expected a date and a time with an offset, or the time as text")

    def _object(
        self, path: str, value: dict[str, Any], clock: Clock | None, within: tuple[str, ...]
    ) -> dict[str, Any]:
        own = {
            name: self._value(f"{path}.{name}", member, clock, within)
            for name, member in value.items()
            if name != _LIKE
        }
        if _LIKE not in value:
            return own
        name = value[_LIKE]
        if not isinstance(name, str) or name not in self._parts:
            raise Wrong(path, f"{_LIKE}: no part has the name {name!r}")
        if name in within:
            raise Wrong(path, f"{_LIKE}: the part {name!r} is like itself")
        inside = f"$.parts.{name}"
        part = self._object(inside, _parsed(inside, self._parts[name]), clock, (*within, name))
        return _merged(part, own)


def _parsed(path: str, whole: Whole) -> dict[str, Any]:
    if isinstance(whole, dict):
        return whole
    try:
        value = json.loads(whole)
    except ValueError as error:
        raise Wrong(path, f"expected JSON: {error}") from None
    if not isinstance(value, dict):
        raise Wrong(path, "expected a JSON object")
    return value


def _merged(part: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Returns the members of the part in their order, each replaced by the member of `own` with the same
    name, and then the rest of `own`. If both members are objects, they are merged in the same way."""
    merged = dict(part)
    for name, value in own.items():
        earlier = part.get(name)
        if isinstance(earlier, dict) and isinstance(value, dict):
            merged[name] = _merged(earlier, value)
        else:
            merged[name] = value
    return merged


def _repetition(path: str, value: dict[str, Any]) -> str:
    match value:
        case {"$repeat": str(text), "times": int(times), **rest} if rest.keys() <= {"after"}:
            after = rest.get("after", "")
            if isinstance(after, str):
                return after + text * times
    raise Wrong(path, f"expected {_REPEAT} (text), times (a whole number) and, optional, after (text)")


def _number(path: str, value: datetime, clock: Clock | None) -> int | float:
    micros = (value - _EPOCH) // timedelta(microseconds=1)
    match clock:
        case "microseconds":
            return micros
        case "milliseconds":
            return micros // 1_000
        case "seconds":
            return micros / 1_000_000
        case None:
            raise Wrong(path, "the story names no clock: write the time as text")
