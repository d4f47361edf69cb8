"""The claims and attributes that Rollcall writes, with their types. A test compares each fixture."""

from typing import Final

from app.schemas.common_forms import INSTANT
from app.vendors.needed import Json

_TEXT: Final[Json] = {"type": "string"}
_FLAG: Final[Json] = {"type": "boolean"}
_INTEGER: Final[Json] = {"type": "integer"}
_ANY: Final[Json] = {}
_TEXTS: Final[Json] = {"type": "array", "items": _TEXT}


def _items(**members: Json) -> Json:
    flags = dict.fromkeys(("active", "primary", "verified"), _FLAG)
    return {"type": "array", "items": {"type": "object", "properties": {**members, **flags}}}


CLAIMS: Final[dict[str, Json]] = {
    "name": _TEXT,
    "given_name": _TEXT,
    "family_name": _TEXT,
    "preferred_username": _TEXT,
    "email": {**_TEXT, "description": "As the vendor has it: it may be no valid address."},
    "email_verified": _FLAG,
    "gender": _TEXT,
    "birthdate": {
        "type": "string",
        "pattern": "^[0-9]{4}(-[0-9]{2}-[0-9]{2})?$",
        "description": "`YYYY-MM-DD` or `YYYY`.",
    },
    "locale": _TEXT,
    "phone_number": _TEXT,
    "phone_number_verified": _FLAG,
    "address": {
        "type": "object",
        "properties": {
            name: {"type": ["string", "null"]} for name in ("formatted", "country", "postal_code")
        },
    },
    "picture": _TEXT,
    "website": _TEXT,
}
"""OpenID Connect's claims but `sub`."""

ATTRIBUTES: Final[dict[str, Json]] = {
    "account_type": _TEXT,
    "app_id": _TEXT,
    "application_id": _TEXT,
    "bio": _TEXT,
    "community_badge": _FLAG,
    "company_id": {"type": ["string", "integer"]},
    "counters": {"type": "object", "additionalProperties": _INTEGER},
    "country": _TEXT,
    "cover": _TEXT,
    "created_at": INSTANT,
    "date_joined": INSTANT,
    "description": _TEXT,
    "email_opt_in": _FLAG,
    "emails": _items(email=_TEXT),
    "ext_id": _TEXT,
    "external_id": _TEXT,
    "federated": _FLAG,
    "flag_count": _INTEGER,
    "is_brand": _FLAG,
    "is_global_ban": _FLAG,
    "last_login_at": INSTANT,
    "metadata": {"type": "object"},
    "permissions": _TEXTS,
    "phone_numbers": _items(phone=_TEXT, country_code={"type": ["string", "integer"]}),
    "reputation": _INTEGER,
    "role": {"anyOf": [_TEXT, _TEXTS]},
    "roles": _TEXTS,
    "status_text": _TEXT,
    "tags": _ANY,
    "type": _TEXT,
    "user_public_id": _TEXT,
    "utc_offset": {"type": "number"},
}
"""The attributes of all vendors. Which vendor has which is on docs/events.md#attributes."""
