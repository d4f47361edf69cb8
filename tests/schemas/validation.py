"""Checks values by the JSON Schemas that the code makes."""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Final, NamedTuple

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

from app.outcome import Outcome
from app.schemas.schema_documents import schema_document
from app.settings import Settings
from app.vendors import VENDORS, convert
from tests.vendors.fixtures import Fixture, fixtures_of

Json = dict[str, Any]


def _pattern(_validator: Any, pattern: str, value: Any, _schema: Json) -> Iterator[ValidationError]:
    """In Python `$` also fits before a line break at the end, in JSON Schema it does not."""
    exact = pattern[:-1] + r"\Z" if pattern.endswith("$") else pattern
    if isinstance(value, str) and re.search(exact, value) is None:
        yield ValidationError("does not fit the pattern")


Validator: Final = extend(Draft202012Validator, {"pattern": _pattern})


@cache
def validator(name: str) -> Any:
    """Returns what validates values by a document of `schema_names.NAMES`."""
    document = schema_document(name, Settings())
    Draft202012Validator.check_schema(document)
    return Validator(document)


def paths(name: str, value: Any) -> list[tuple[str | int, ...]]:
    """Returns where the value breaks the schema; nothing if it is valid. A place is told by its path, never
    by the value."""
    return [path for error in validator(name).iter_errors(value) for path in _deepest(error)]


def _deepest(error: ValidationError) -> list[tuple[str | int, ...]]:
    """Returns where a value breaks the one form of several that it comes closest to."""
    forms: dict[Any, list[tuple[str | int, ...]]] = {}
    for inner in error.context or ():
        forms.setdefault(inner.schema_path[0], []).extend(_deepest(inner))
    own = tuple(error.absolute_path)
    closest = [places for places in forms.values() if own not in places]
    return closest[0] if len(closest) == 1 else [own]


def accepts(name: str, value: Any) -> bool:
    valid: bool = validator(name).is_valid(value)
    return valid


class Judged(NamedTuple):
    """A fixture, its body, and its outcome of today."""

    fixture: Fixture
    body: Any
    outcome: Outcome


def judged(vendor: str) -> Iterator[Judged]:
    """Yields the fixtures of a vendor whose bodies are JSON."""
    for fixture in fixtures_of(vendor):
        try:
            body = json.loads(fixture.value or b"")
        except (ValueError, RecursionError):
            continue
        outcome = convert(VENDORS[vendor], fixture, fixture.partition, fixture.options)
        yield Judged(fixture, body, outcome)
