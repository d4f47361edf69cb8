"""Bodies of Magine Pro."""

from tests.tools.bench.bodies.common import Json, email_of, name_of, rfc3339


def magine(number: int, user: int) -> Json:
    first, last = name_of(user)
    data: Json = {"userId": f"{user:026d}USR", "email": email_of(user)}
    kind = {0: "user.created", 9: "user.deleted"}.get(number % 10, "user.updated")
    if number % 10 == 5:  # an update may have only the fields that have changed
        data["emailBeforeUpdate"] = f"old-{email_of(user)}"
    elif kind != "user.deleted":
        data |= {
            "name": f"{first} {last}",
            "country": ("SE", "IN", "BR")[user % 3],
            "locale": ("sv", "hi", "pt")[user % 3],
            "emailOptIn": user % 2 == 0,
            "mobilePhone": "",
            "tags": ["trial", f"cohort-{user % 12}"],
            "birthDate": f"{1950 + user % 50}-12-24",
            "gender": ("male", "female")[user % 2],
            "zipCode": f"{10_000 + user % 90_000}",
        }
    return {"type": kind, "timestamp": rfc3339(number), "data": data}
