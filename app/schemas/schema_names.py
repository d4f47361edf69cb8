"""The names of the documents, and the files that they are written to."""

from typing import Final

from app.vendors import VENDORS

BODY_END: Final = "-body"
ASYNCAPI: Final = "asyncapi"
NAMES: Final = (
    *(f"{vendor}{BODY_END}" for vendor in VENDORS),
    "event",
    "user-row",
    "deletion-marker",
    "loyalty-row",
    "dead-letter-headers",
    "closed-sets",
    ASYNCAPI,
)


def file_of(name: str) -> str:
    """Returns the name of the document's file."""
    return f"{name}.json" if name == ASYNCAPI else f"{name}.schema.json"
