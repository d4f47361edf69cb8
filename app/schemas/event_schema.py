"""The schema of the canonical event, as Rollcall writes it (docs/events.md#canonical-event)."""

from typing import Final

from app.canonical import DATA_CONTENT_TYPE, DATA_SCHEMA, Event
from app.schemas.common_forms import INSTANT, SUBJECT_TEXT
from app.schemas.struct_schema import Json, described, document, struct_schema
from app.schemas.user_values import ATTRIBUTES, CLAIMS

_DESCRIPTION: Final = (
    "CloudEvents 1.0, structured mode. Later versions of Rollcall may add members and values of closed sets"
    " without another version of this schema, so a reader should ignore what it does not know."
)

_ENVELOPE: Final = {
    "specversion": "CloudEvents' version.",
    "id": "The event's id. The pair of `source` and `id` is the same for each repeat of an event.",
    "source": "Who said it: `/vendors/` + vendor + `/` + tenant, percent-encoded.",
    "type": "What has happened.",
    "subject": "The user's id, with `/`, `%` and control characters percent-encoded.",
    "time": "When it happened at the vendor.",
    "datacontenttype": "The media type of `data`.",
    "dataschema": "This schema.",
    "partitionkey": "The record's key: `vendor/tenant/user id`, the last two encoded like `subject`.",
    "vendor": "The vendor's name.",
    "tenant": "Whose user this is.",
    "vendortype": "The event's name in the vendor's own words.",
    "timesource": "Where `time` is from: the event, the vendor's row, or only the record's timestamp.",
    "recordedtime": "The timestamp of the vendor's record; absent if it has none.",
    "origin": "Topic, partition and offset of the vendor's record.",
    "data": "What the event says of the user.",
}
_DATA: Final = {
    "snapshot": "`full`: what is absent is not set. `partial`: what is absent is unchanged, null is cleared.",
    "status": "The user's status, if the event states one.",
    "user": "OpenID Connect's claims of the user.",
    "attributes": "What the vendor has beyond the claims.",
    "settings": "The settings of `user.settings_updated`, by the vendor's names.",
    "score": "The change of the reputation.",
    "points": "The change of the loyalty points.",
    "presence": "The presence of `user.status_changed`.",
    "login": "The log-in before this one, if it is known.",
    "deletion": "How the user of `user.deleted` was deleted.",
    "previous": "Earlier values that differ, by the name of the claim.",
    "actor": "Who did it.",
    "note": "Why an operator wrote the event.",
}
# The members whose values have a form that no type says.
_FORMS: Final[dict[str, dict[str, Json]]] = {
    "Event": {
        "time": INSTANT,
        "recordedtime": INSTANT,
        "datacontenttype": {"const": DATA_CONTENT_TYPE},
        "dataschema": {"const": DATA_SCHEMA},
    },
    "Points": {"added_at": INSTANT},
    "Login": {"previous_at": INSTANT},
    "Actor": {"sub": SUBJECT_TEXT},
}


def event_schema() -> Json:
    """Returns the schema document of the canonical event."""
    schema, definitions = struct_schema(Event)
    described(schema, _ENVELOPE)
    data = definitions["Data"]
    described(data, _DATA)
    for name, forms in _FORMS.items():
        members = (schema if name == "Event" else definitions[name])["properties"]
        for member, form in forms.items():
            members[member] = {**members[member], **form}
    # CloudEvents requires it. A reader of the canonical topic is tolerant of its absence.
    schema["required"] = [name for name in schema["properties"] if name in {*schema["required"], "source"}]
    members = data["properties"]
    members["user"] |= {"required": ["sub"], "properties": {"sub": SUBJECT_TEXT, **_cleared(CLAIMS)}}
    members["attributes"]["properties"] = _cleared(ATTRIBUTES)
    members["previous"]["properties"] = _cleared(CLAIMS)
    return document(DATA_SCHEMA, "A canonical event", _DESCRIPTION, schema, definitions)


def _cleared(values: dict[str, Json]) -> dict[str, Json]:
    """Returns the schemas of values that may also be null, which means that the value was cleared."""
    return {name: _or_null(schema) for name, schema in values.items()}


def _or_null(schema: Json) -> Json:
    if not schema:
        return schema
    if isinstance(kind := schema.get("type"), str):
        return {**schema, "type": [kind, "null"]}
    if isinstance(kind, list):
        return {**schema, "type": [*kind, "null"]}
    return {"anyOf": [schema, {"type": "null"}]}
