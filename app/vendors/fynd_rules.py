"""What a body of Fynd has to have, as far as JSON Schema can say it and no type of a field can: each thing
is needed in one of several places."""

from typing import Any, Final

from app.vendors.needed import RFC_3339, USABLE_ID

Json = dict[str, Any]


def _object(**members: Json) -> Json:
    return {"type": "object", "required": list(members), "properties": members}


_NUMBER: Final[Json] = {"type": "number"}
_ID_PLACES: Final = ("user_id", "userId", "_id", "id")
_ROW_TIMES: Final = ("updated_at", "updatedAt")


def _each_user(*places: Json) -> Json:
    return {"properties": {"payload": {"items": _object(user={"anyOf": list(places)})}}}


RULES: Final[Json] = {
    "allOf": [
        {
            "description": "The event is described under `event`, or in older envelopes under `meta.event`.",
            "anyOf": [
                _object(event={"type": "object"}),
                _object(meta=_object(event={"type": "object"})),
            ],
        },
        {
            "description": "A user's id is in one of four places, or beside a single user in the envelope.",
            "anyOf": [
                _each_user(*(_object(**{place: USABLE_ID}) for place in _ID_PLACES)),
                {
                    **_object(user_id=USABLE_ID),
                    "properties": {"user_id": USABLE_ID, "payload": {"maxItems": 1}},
                },
            ],
        },
        {
            "description": "The time is that of each row, or that of the event.",
            "anyOf": [
                _each_user(*(_object(**{place: RFC_3339}) for place in _ROW_TIMES)),
                _object(event=_object(created_timestamp=_NUMBER)),
                _object(meta=_object(created_timestamp=_NUMBER)),
            ],
        },
    ]
}
"""The keywords for a whole body."""
