"""Bodies of SelfCommunity."""

from tests.tools.bench.bodies.common import Json, email_of, event_time, name_of, rfc3339

_CITIES = ("Bologna", "Mumbai", "Stockholm", "Porto Alegre", "Bangkok", "Kraków", "Lagos")


def selfcommunity(number: int, user: int) -> Json:
    match number % 10:
        case 0:
            return _selfcommunity_event("user.created", number, _member(number, user))
        case 1 | 2 | 3 | 4:
            return profile_updated(number, user)
        case 5:
            settings = {
                "qa_frequency": number % 3 - 1,
                "email_notification_not_qa": number % 2,
                "mobile_notifications_scmty": 1,
                "toast_notifications_emit_sound": 1,
                "show_toast_notifications": 0,
            }
            return _selfcommunity_event(
                "user.settings_updated", number, {**settings, "user": _member(number, user)}
            )
        case 6 | 7:
            return score_updated(number, user)
        case 8:
            points = {
                "action": "comment_created",
                "points": 5,
                "added_at": rfc3339(number),
                "total_points": 10 + number,
            }
            return _selfcommunity_event(
                "user.loyalty_points_updated", number, {"user": _reduced(user), **points}
            )
        case _:
            return _selfcommunity_event("comment.created", number, {"id": number, "text": "Hear, hear"})


def _selfcommunity_event(name: str, number: int, data: Json) -> Json:
    return {"event_id": number + 1, "type": name, "created": event_time(number).timestamp(), "data": data}


def profile_updated(number: int, user: int) -> Json:
    return _selfcommunity_event("user.updated", number, _member(number, user))


def long_profile(number: int, user: int) -> Json:
    """Returns a profile of 8 KB: half of it is carried, the other half a member that the mapper does not
    read."""
    text = f"{user} writes about gardens, trains and the history of computing. " * 58
    return _selfcommunity_event("user.updated", number, {**_member(number, user), "bio": text, "page": text})


def short_score(number: int, user: int) -> Json:
    """Returns a score of 300 bytes, with little of its user."""
    score = score_updated(number, user)
    user_of_it = score["data"]["user"]
    score["data"]["user"] = {name: user_of_it[name] for name in ("id", "username", "email", "reputation")}
    return score


def score_updated(number: int, user: int) -> Json:
    return _selfcommunity_event(
        "user.score_updated",
        number,
        {
            "id": number + 1,
            "user": {**_reduced(user), "reputation": 100 + number},
            "score": 1 + number % 5,
            "reputation_type": 14,
            "reputation_type_description": "second_level_comment",
            "comment": "",
        },
    )


def _reduced(user: int) -> Json:
    first, last = name_of(user)
    return {
        "id": user + 1,
        "username": f"{first}{user}",
        "real_name": f"{first} {last}",
        "email": email_of(user),
        "description": "Reader, writer",
        "avatar": f"https://cdn.example.com/avatars/{user}.png",
    }


def _member(number: int, user: int) -> Json:
    return {
        **_reduced(user),
        "email_isvalid": True,
        "date_joined": "2019-08-24T14:15:22Z",
        "bio": "Writes about gardens, trains and the history of computing.",
        "location": _CITIES[user % len(_CITIES)],
        "location_lat_lng": None,
        "position_lat_lng": None,
        "date_of_birth": f"{1950 + user % 50}-09-23",
        "gender": ("Male", "Female", "Unspecified")[user % 3],
        "status": "a",
        "website": "https://example.com",
        "cover": f"https://cdn.example.com/covers/{user}.png",
        "ext_id": str(user),
        "tags": [],
        "reputation": 100 + number,
        "followings_counter": number % 7,
        "followers_counter": number % 11,
        "posts_counter": number % 5,
        "discussions_counter": 3,
        "statuses_counter": 0,
        "polls_counter": 1,
    }
