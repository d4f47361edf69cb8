"""Bodies of Rocket.Chat."""

from tests.tools.bench.bodies.common import Json, email_of, name_of, rfc3339


def rocketchat(number: int, user: int) -> Json:
    name, context = _rocketchat_context(number, user)
    return {
        "event": name,
        "eventId": f"event-{number}",
        "occurredAt": rfc3339(number),
        "workspaceId": "acme",
        "context": context,
    }


def _rocketchat_context(number: int, user: int) -> tuple[str, Json]:
    match number % 10:
        case 0:
            stub = {"id": f"rc{user}", "username": f"user{user}", "type": "user", "roles": ["user"]}
            return "IPostUserCreated", {"user": stub, "performedBy": {"id": "admin"}}
        case 1 | 2 | 3 | 4:
            before = {**_chatter(number, user), "name": "Somebody Else"}
            context = {
                "user": _chatter(number, user),
                "performedBy": {"id": "admin"},
                "previousData": before,
            }
            return "IPostUserUpdated", context
        case 5 | 6:
            return "IPostUserLoggedIn", _chatter(number, user)
        case 7:
            return "IPostUserLoggedOut", _chatter(number, user)
        case 8:
            status = {"user": {"id": f"rc{user}"}, "currentStatus": "away", "previousStatus": "online"}
            return "IPostUserStatusChanged", status
        case _:
            return "IPostMessageSent", {"message": {"id": f"m{number}"}}


def _chatter(number: int, user: int) -> Json:
    first, last = name_of(user)
    return {
        "id": f"rc{user}",
        "username": f"user{user}",
        "emails": [{"address": email_of(user), "verified": True}],
        "type": "user",
        "isEnabled": True,
        "name": f"{first} {last}",
        "roles": ["user", "moderator"],
        "bio": "Writes about gardens",
        "status": "online",
        "statusConnection": "online",
        "utcOffset": 5.5,
        "createdAt": "2021-07-05T07:46:49.139Z",
        "updatedAt": rfc3339(number),
        "lastLoginAt": rfc3339(number),
        "settings": {"preferences": {"language": "en"}},
        "customFields": {"department": "sales"},
    }
