"""Which attributes of a user may be in an event (docs/events.md#attributes), and which names the mappers
read."""

from functools import cache
from typing import Any, Final, get_args, get_type_hints

import msgspec
from msgspec import Struct

from app.vendors import VENDORS

_CLAIMS: Final = """
    sub name given_name family_name middle_name nickname preferred_username profile picture website email
    email_verified gender birthdate zoneinfo locale phone_number phone_number_verified address
"""
_ATTRIBUTES: Final = {
    "selfcommunity": """ext_id bio description cover role community_badge date_joined reputation tags
    counters""",
    "fynd": "company_id application_id account_type external_id emails phone_numbers created_at",
    "magine": "email_opt_in country tags",
    "rocketchat": "type roles bio status_text utc_offset created_at last_login_at app_id federated",
    "amity": """user_public_id roles permissions description flag_count is_brand is_global_ban metadata
    tags created_at""",
}
CLAIMS: Final = frozenset(_CLAIMS.split())
ATTRIBUTES: Final = {vendor: frozenset(names.split()) for vendor, names in _ATTRIBUTES.items()}


def attributes_of(vendor: str) -> frozenset[str]:
    """Returns the attributes that an event of the vendor may have; none if the list above does not name the
    vendor."""
    return ATTRIBUTES.get(vendor, frozenset())


@cache
def names_read(vendor: str) -> frozenset[str]:
    """Returns the names of all members that the structs of a vendor have, at any depth."""
    names: set[str] = set()
    waiting: list[Any] = list(VENDORS[vendor].shapes)
    while waiting:
        kind = waiting.pop()
        if isinstance(kind, type) and issubclass(kind, Struct):
            names |= {field.encode_name for field in msgspec.structs.fields(kind)}
            waiting += get_type_hints(kind).values()
        else:
            waiting += get_args(kind)
    return frozenset(names)
