"""Bodies of Acme."""

from tests.tools.bench.bodies.common import Json, email_of, name_of, rfc3339


def acme(number: int, user: int) -> Json:
    first, last = name_of(user)
    kind = {0: "user.created", 9: "user.deleted"}.get(number % 10, "user.updated")
    data = {"id": user + 1, "name": f"{first} {last}", "email": email_of(user), "tags": ["trial"]}
    return {"id": f"event-{number}", "type": kind, "time": rfc3339(number), "data": data}
