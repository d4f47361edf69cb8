"""All documents by their names, and how they are written."""

import json
from collections.abc import Callable
from typing import Final

from app.schemas.asyncapi import asyncapi_document
from app.schemas.body_schema import body_schema
from app.schemas.closed_sets import closed_sets_schema
from app.schemas.event_schema import event_schema
from app.schemas.header_schemas import dead_letter_headers_schema
from app.schemas.row_schemas import deletion_marker_schema, loyalty_row_schema, user_row_schema
from app.schemas.schema_names import ASYNCAPI, BODY_END
from app.schemas.struct_schema import Json
from app.settings import Settings
from app.vendors import VENDORS

_SCHEMAS: Final[dict[str, Callable[[], Json]]] = {
    "event": event_schema,
    "user-row": user_row_schema,
    "deletion-marker": deletion_marker_schema,
    "loyalty-row": loyalty_row_schema,
    "dead-letter-headers": dead_letter_headers_schema,
    "closed-sets": closed_sets_schema,
}


def schema_document(name: str, settings: Settings) -> Json:
    """Returns a document by its name of `schema_names.NAMES`. Only that of AsyncAPI depends on the settings.
    Raises KeyError for another name."""
    if name == ASYNCAPI:
        return asyncapi_document(settings)
    if name.endswith(BODY_END):
        return body_schema(VENDORS[name.removesuffix(BODY_END)])
    return _SCHEMAS[name]()


def text_of_document(document: Json) -> str:
    """Returns the document as the text of its file."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
