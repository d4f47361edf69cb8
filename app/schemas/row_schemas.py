"""The schemas of the values on the two changelogs (docs/tables.md#users-row)."""

from typing import Final

from app.schemas.common_forms import INSTANT, SUBJECT_TEXT
from app.schemas.struct_schema import Json, described, document, struct_schema
from app.schemas.user_values import ATTRIBUTES, CLAIMS
from app.state.rules.rows import ENTRIES_KEPT, DeletedUser, LoyaltyRow, UserRow

_WHOSE: Final = {
    "vendor": "The vendor's name.",
    "tenant": "Whose user this is.",
    "sub": "The vendor's id of the user.",
}
_STATUS: Final = "The user's status; absent if no event has stated one."
_USER: Final = {
    **_WHOSE,
    "status": _STATUS,
    "complete": "Whether a full snapshot was applied.",
    "profile": "The claims but `sub`.",
    "attributes": "What the vendor has beyond the claims.",
    "settings": "The settings, by the vendor's names.",
    "presence": "The newest presence.",
    "created_at": "The greatest time of a `user.created`.",
    "updated_at": "The greatest time of an event with an attribute, or with a claim besides `sub`.",
    "last_login_at": "The greatest time of a `user.logged_in`.",
    "last_logout_at": "The greatest time of a `user.logged_out`.",
    "as_of": "The time of the newest full snapshot.",
    "stamps": "The times of the fields that are not as old as that snapshot, by the field's name.",
    "deleted_at": "The time of the newest deletion, if there was one.",
}
_DELETED: Final = {**_WHOSE, "status": "Always `deleted`.", "deleted_at": "The time of the newest deletion."}
_LOYALTY: Final = {
    **_WHOSE,
    "reputation": "The balance that the newest score stated.",
    "points": "The balance that the newest loyalty points stated.",
    "entries": f"The newest {ENTRIES_KEPT} changes, newest first by time and id.",
}
_TIMES: Final = ("created_at", "updated_at", "last_login_at", "last_logout_at", "deleted_at")


def user_row_schema() -> Json:
    """Returns the schema document of the row of a user who is not deleted."""
    schema, definitions = struct_schema(UserRow)
    described(schema, _USER)
    _with_forms(schema)
    _with_form(definitions["PresenceAt"], "at", INSTANT)
    schema["properties"]["profile"]["properties"] = CLAIMS
    schema["properties"]["attributes"]["properties"] = ATTRIBUTES
    text = "The value on the users changelog of a user who is not deleted. There null is a tombstone: no row."
    return document("urn:rollcall:user-row", "A row of the table users", text, schema, definitions)


def deletion_marker_schema() -> Json:
    """Returns the schema document of the row of a deleted user."""
    schema, definitions = struct_schema(DeletedUser)
    described(schema, _DELETED)
    _with_forms(schema)
    # It is always written, though the struct has a default for it.
    schema["required"] = list(schema["properties"])
    text = "The value on the users changelog of a deleted user, until the grace period is over."
    return document("urn:rollcall:deletion-marker", "The marker of a deleted user", text, schema, definitions)


def loyalty_row_schema() -> Json:
    """Returns the schema document of a row of the table loyalty."""
    schema, definitions = struct_schema(LoyaltyRow)
    described(schema, _LOYALTY)
    _with_forms(schema)
    _with_form(definitions["Entry"], "at", INSTANT)
    schema["properties"]["entries"]["maxItems"] = ENTRIES_KEPT
    text = "The value on the loyalty changelog. There null is a tombstone: no row."
    return document("urn:rollcall:loyalty-row", "A row of the table loyalty", text, schema, definitions)


def _with_forms(schema: Json) -> None:
    _with_form(schema, "sub", SUBJECT_TEXT)
    for name in _TIMES:
        if name in schema["properties"]:
            _with_form(schema, name, INSTANT)


def _with_form(schema: Json, name: str, form: Json) -> None:
    schema["properties"][name] = {**schema["properties"][name], **form}
