"""Bodies of Amity."""

from tests.tools.bench.bodies.common import Json, name_of, rfc3339


def amity(number: int, user: int) -> Json:
    names = ("user.didCreate", *["user.didUpdate"] * 6, "user.didFlag", "user.didUnflag", "message.didCreate")
    several = [user, user + 1] if number % 20 == 1 else [user]
    files = [_file(number, each) for each in several]
    return {
        "event": names[number % 10],
        "data": {"users": [_member_of_amity(number, each) for each in several], "files": files},
    }


def _member_of_amity(number: int, user: int) -> Json:
    first, last = name_of(user)
    return {
        "_id": f"{user:024x}",
        "path": f"user/{user}",
        "userId": f"customer-{user}",
        "userInternalId": f"{user:024x}",
        "userPublicId": f"{user:024x}",
        "roles": ["member"],
        "permissions": ["MUTE_CHANNEL", "CREATE_COMMUNITY", "EDIT_USER"],
        "displayName": f"{first} {last}",
        "profileHandle": f"{first.lower()}{user}",
        "description": "Writes about gardens",
        "avatarFileId": f"file-{user}",
        "avatarCustomUrl": "",
        "flagCount": number % 3,
        "hashFlag": {"bits": 256, "hashes": 5, "hash": ["AAAA"]},
        "metadata": {"tier": "gold", "level": user % 40},
        "isGlobalBan": False,
        "isBrand": False,
        "createdAt": "2023-11-07T05:31:56Z",
        "updatedAt": rfc3339(number),
        "isDeleted": number % 100 == 99,
    }


def _file(number: int, user: int) -> Json:
    return {
        "fileId": f"file-{user}",
        "fileUrl": f"https://cdn.example.com/files/{user}.png",
        "type": "image",
        "accessType": "public",
        "altText": "",
        "createdAt": "2023-11-07T05:31:56Z",
        "updatedAt": rfc3339(number),
        "attributes": {
            "name": f"{user}.png",
            "extension": "png",
            "size": 12_345,
            "mimeType": "image/png",
            "metadata": {"exif": {}, "gps": {}, "height": 512, "width": 512, "isFull": True},
        },
    }
