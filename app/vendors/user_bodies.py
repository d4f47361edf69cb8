"""The user objects of an export, as the bodies in which the vendors' webhooks would send them.

The mappers read bodies. So the object of an API's list, which has no body around it, gets one whose mapping
is a full snapshot (docs/tools/import.md#what-a-line-may-be).
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Raw, Struct
from msgspec.json import encode

Members = Mapping[str, Raw]
"""The members of an object, unread."""
# What a member says that may as well be absent.
_NOTHING: Final = (b"null", b"false", b'""')


class UserBody(Struct, frozen=True, kw_only=True):
    """How one vendor's user object becomes a body.

    `wrap(members, text, tenant, time)` returns the body around the object `text`, which has these members.
    `time` is in milliseconds since 1970; it is for a body that has to state when the event happened.
    `whole`: groups of names; a line that has all members of a group is a whole body already.
    `objection(members)` returns why a full snapshot of the object would say what is not true, or None: a path
    and what was expected there.
    """

    wrap: Callable[[Members, bytes, str, int], bytes]
    whole: tuple[frozenset[str], ...]
    objection: Callable[[Members], str | None] = lambda _members: None


# The tenant that the mapper makes of a body with `company_id`, which is a number, and an application.
_COMPANY_AND_APPLICATION: Final = re.compile(r"([0-9]{1,18})\.(.+)", re.ASCII | re.DOTALL)


def _selfcommunity(_members: Members, text: bytes, _tenant: str, time: int) -> bytes:
    return b'{"type":"user.updated","created":%d.%03d,"data":%b}' % (*divmod(time, 1000), text)


def _fynd(_members: Members, text: bytes, tenant: str, time: int) -> bytes:
    head = b'{"event":{"name":"user","type":"update","created_timestamp":%d}' % time
    if match := _COMPANY_AND_APPLICATION.fullmatch(tenant):
        head += b',"company_id":%d,"application_id":%b' % (int(match[1]), encode(match[2]))
    return head + b',"payload":[{"user":%b}]}' % text


def _magine(_members: Members, text: bytes, _tenant: str, _time: int) -> bytes:
    # An update is a partial snapshot. The time is only there because the mapper needs one.
    return b'{"type":"user.created","timestamp":"2000-01-01T00:00:00Z","data":%b}' % text


def _rocketchat(_members: Members, text: bytes, _tenant: str, _time: int) -> bytes:
    # An update counts as full even if its user is a stub; a created user only if it is a stored one.
    return b'{"event":"IPostUserCreated","context":{"user":%b}}' % text


def _amity(members: Members, text: bytes, _tenant: str, _time: int) -> bytes:
    data = text if "users" in members else b'{"users":[%b]}' % text
    return b'{"event":"user.didUpdate","data":%b}' % data


def _no_whole_selfcommunity(members: Members) -> str | None:
    # The reduced user of scores and loyalty points has neither of the first two. The e-mail address is absent
    # from a user as another user sees them.
    if members.keys().isdisjoint(("status", "date_joined")) or "email" not in members:
        return "$: expected a whole user, with email, and with status or date_joined"
    return None


def _no_whole_magine(members: Members) -> str | None:
    if _says(members, "deleted"):  # a member of an older list, which no webhook has
        return "$.deleted: expected a user who is not deleted"
    return None


def _no_whole_amity(members: Members) -> str | None:
    if _says(members, "avatarFileId") and not _says(members, "avatarCustomUrl"):
        return "$.avatarFileId: expected its file, in a line with users and files"
    return None


def _says(members: Members, name: str) -> bool:
    return name in members and bytes(members[name]) not in _NOTHING


USER_BODIES: Final[dict[str, UserBody]] = {
    "selfcommunity": UserBody(
        wrap=_selfcommunity,
        whole=(frozenset({"type", "data"}),),
        objection=_no_whole_selfcommunity,
    ),
    "fynd": UserBody(
        wrap=_fynd,
        whole=(frozenset({"event", "payload"}), frozenset({"meta", "payload"})),
    ),
    "magine": UserBody(wrap=_magine, whole=(frozenset({"type", "data"}),), objection=_no_whole_magine),
    "rocketchat": UserBody(wrap=_rocketchat, whole=(frozenset({"event", "context"}),)),
    "amity": UserBody(wrap=_amity, whole=(frozenset({"event", "data"}),), objection=_no_whole_amity),
}
"""By vendor. Of a vendor that is not here only whole bodies can be imported."""
