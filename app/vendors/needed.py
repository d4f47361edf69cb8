"""The types of what a mapper needs in a body, and of what may have several forms.

The decoder takes any value for them, and the mapper's `require...` functions judge it. The types are there to
say in the vendor's JSON Schema (`app/schemas`) what these functions accept; decoding does not look at that.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Final, TypeVar

from msgspec import Meta, Raw, UnsetType

from app.bounds import MAX_ID_BYTES, MAX_VALUE_BYTES, NOTHING

Json = dict[str, Any]
T = TypeVar("T")

NEEDED_MARK: Final = "x-needed"
"""The keyword of a member that has to be there and must not be null. It becomes a part of `required`."""


def needed(description: str = "", schema: Json | None = None) -> Meta:
    """Returns what a type of a field says if the body has no use without the field."""
    return Meta(description=description or None, extra_json_schema={NEEDED_MARK: True, **(schema or {})})


def needed_name(names: Iterable[str]) -> Meta:
    """Returns what the type of the event's name says, if that is a field of a struct: these are mapped."""
    return needed("The event's name.", {"enum": list(names)})


def _letters(text: str) -> str:
    """Returns a pattern of the text in upper and lower case. No flag of a pattern is known everywhere."""
    pairs = ((letter, letter.upper()) for letter in text)
    return "".join(
        f"[{low}{high}]" if low != high else f"\\{low}" if low in "[]" else low for low, high in pairs
    )


_NOTHING_SAID: Final = "|".join(_letters(text) for text in sorted(NOTHING) if text)

USABLE_ID: Final[Json] = {
    "type": ["string", "integer"],
    "maxLength": MAX_ID_BYTES,
    "not": {"type": "string", "pattern": rf"^\s*({_NOTHING_SAID})?\s*$"},
}
RFC_3339: Final[Json] = {
    "type": "string",
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?"
    r"([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$",
}
INT64: Final[Json] = {
    "anyOf": [
        {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
        {"type": "string", "pattern": "^[+-]?[0-9]+$"},
    ]
}
EJSON: Final[Json] = {
    "type": "object",
    "required": ["$date"],
    "properties": {
        "$date": {
            "anyOf": [
                {"type": "number"},
                RFC_3339,
                {
                    "type": "object",
                    "required": ["$numberLong"],
                    "properties": {"$numberLong": {"type": "string", "pattern": "^-?[0-9]{1,308}$"}},
                },
            ]
        }
    },
}
_NULL: Final[Json] = {"type": "null"}
_EMPTY: Final[Json] = {"const": ""}


def _one_of(*forms: Json) -> Meta:
    return Meta(extra_json_schema={"anyOf": list(forms)})


_ID_TEXT: Final = "The user's id. Text that broken producers write for nothing is none."
_SUBJECT: Final = needed(
    "The user, of whom only the id is needed.", {"required": ["id"], "properties": {"id": USABLE_ID}}
)
Needed = Annotated[T | None, needed()]
"""An object or a list on the way to the user, or an element of such a list: `Needed[list[Needed[_User]]]`."""
Subject = Annotated[T | None, _SUBJECT]
"""A user, of whom the member `id` is needed, of a type that elsewhere needs none."""

NeededId = Annotated[Any, needed(_ID_TEXT, USABLE_ID)]
NeededTime = Annotated[Any, needed("The event's time, RFC 3339 with an offset.", RFC_3339)]
NeededInteger = Annotated[Any, needed("An integer of 64 bits, which may be written as text.", INT64)]
_NUMBER: Final[Json] = {"type": "number"}
NeededSeconds = Annotated[Raw | UnsetType, needed("The event's time in seconds since 1970.", _NUMBER)]
NeededMilliseconds = Annotated[
    Raw | UnsetType, needed("The event's time in milliseconds since 1970.", _NUMBER)
]
# With its quotes the text has at most MAX_VALUE_BYTES.
_STATUS: Final[Json] = {"type": "string", "minLength": 1, "maxLength": MAX_VALUE_BYTES - 2}
NeededStatus = Annotated[Any, needed("The presence.", _STATUS)]
RowTime = Annotated[Any, _one_of(RFC_3339, _NULL)]
Milliseconds = Annotated[Raw | UnsetType, Meta(extra_json_schema={"type": ["number", "null"]})]
EjsonTime = Annotated[Any, _one_of(RFC_3339, EJSON, _NULL)]
CarriedEjsonTime = Annotated[Any, _one_of(RFC_3339, EJSON, _NULL, _EMPTY)]
OptionalInteger = Annotated[Any, _one_of(*INT64["anyOf"], _NULL, _EMPTY)]
