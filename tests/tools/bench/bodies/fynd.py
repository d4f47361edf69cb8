"""Bodies of Fynd."""

from tests.tools.bench.bodies.common import Json, email_of, name_of, rfc3339


def fynd(number: int, user: int) -> Json:
    kind = {0: "create", 9: "delete"}.get(number % 10, "update")
    identity = f"{user:024x}"
    item = {"user": _shopper(number, user), "socialAccounts": []}
    if number % 4 == 3:  # the newer envelope
        event = {
            "category": "application",
            "name": "user",
            "type": kind,
            "version": "1",
            "id": f"evt-{number}",
            "trace_id": [f"trace-{number}"],
            "created_timestamp": 1_704_067_200_000 + number,
        }
        return {
            "event": event,
            "company_id": 1,
            "application_id": ["000000000000000000000001"],
            "contains": ["user"],
            "payload": [item],
        }
    meta = {
        "job_type": "users",
        "action": "delete" if kind == "delete" else "upsert",
        "trace": [f"deadlock.{number:08x}-09aa-11ee-afa1-21e8b63e081b"],
        "event": {"name": "user", "type": kind, "version": "1"},
        "service": {"name": "deadlock"},
        "company_id": 1,
        "trace_id": [f"deadlock.{number:08x}-09aa-11ee-afa1-21e8b63e081b"],
        "created_timestamp": 1_704_067_200_000 + number,
        "application_id": ["000000000000000000000001"],
        "extension_id": [],
    }
    return {"meta": meta, "payload": [item], "user_id": identity}


def _shopper(number: int, user: int) -> Json:
    first, last = name_of(user)
    identity, time = f"{user:024x}", rfc3339(number)
    contact = {"active": True, "primary": True, "verified": True}
    phone = {**contact, "phone": f"82854{user:06d}", "countryCode": 91, "country_code": 91}
    picture = f"https://cdn.example.com/users/{user}.png" if user % 2 else "/default-user-profile.png"
    return {
        "debug": {"source": "deadlock", "platform": "000000000000000000000001"},
        "gender": ("male", "female")[user % 2],
        "accountType": "user",
        "active": True,
        "archive": False,
        "status": "activated",
        "profilePicUrl": picture,
        "hasOldPasswordHash": False,
        "_id": identity,
        "phoneNumbers": [phone],
        "applicationId": "000000000000000000000001",
        "firstName": first,
        "lastName": last,
        "emails": [{**contact, "email": email_of(user)}],
        "username": f"user{user}_example_com_31354_000000000000000000000001",
        "userId": identity,
        "createdAt": "2023-06-13T05:20:31.356Z",
        "updatedAt": time,
        "__v": 0,
        "id": identity,
        "account_type": "user",
        "profile_pic_url": picture,
        "has_old_password_hash": False,
        "phone_numbers": [phone],
        "application_id": "000000000000000000000001",
        "first_name": first,
        "last_name": last,
        "user_id": identity,
        "created_at": "2023-06-13T05:20:31.356Z",
        "updated_at": time,
        "is_created": True,
    }
