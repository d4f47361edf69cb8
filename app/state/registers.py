"""Last-writer-wins registers: every field of a users row is one, under the name it has here.

A register is (stamp, value): the event time in microseconds, and what was said then, None = cleared.
Names: `status`, `profile.email`, `profile.address.country`, `attributes.roles`,
`settings.qa_frequency` (these are the names in `stamps`), `presence`, `created_at`, `updated_at`,
`last_login_at`, `last_logout_at` (these carry their own time, and have no stamp).
"""

from typing import Any, Final

from msgspec import UNSET

from app.canonical import Event
from app.state.encoding import sorted_json
from app.state.instants import EARLIEST

Register = tuple[int, Any]
Registers = dict[str, Register]

# Before the stamp of every event. It is an instant, because it is written as the stamp of a value that had
# none: in a row without `as_of` that somebody else wrote.
NEVER: Final = EARLIEST

ADDRESS: Final = "profile.address"
MEMBER: Final = "profile.address."
SETTING: Final = "settings."
CLOCKS: Final = ("created_at", "updated_at", "last_login_at", "last_logout_at")
# Those that a full snapshot clears where it does not carry them.
CLEARED_BY_SNAPSHOT: Final = ("profile.", "attributes.")


def greater(a: Register, b: Register) -> Register:
    """The later of two registers; of two with one stamp the one with the greater JSON encoding,
    and a cleared one loses to any value."""
    if a[0] != b[0]:
        return a if a[0] > b[0] else b
    if a[1] is b[1] or b[1] is None:
        return a
    if a[1] is None:
        return b
    return a if sorted_json(a[1]) >= sorted_json(b[1]) else b


def equal(a: Register, b: Register) -> bool:
    """Whether two registers say the same at the same time. JSON's `1`, `1.0` and `true` are three values."""
    return a[0] == b[0] and sorted_json(a[1]) == sorted_json(b[1])


def join(a: Registers, b: Registers) -> Registers:
    """Every register of either, the greater one where both have it."""
    joined = dict(a)
    for name, register in b.items():
        held = joined.get(name)
        joined[name] = register if held is None else greater(held, register)
    return joined


def cleared_until(name: str, registers: Registers, as_of: int) -> int:
    """The time up to which a register is cleared without being named: by a full snapshot (`as_of`, or
    NEVER), or as a member of an address that was cleared as a whole."""
    if not name.startswith(CLEARED_BY_SNAPSHOT):
        return NEVER
    if name.startswith(MEMBER) and ADDRESS in registers:
        return max(as_of, registers[ADDRESS][0])
    return as_of


def fields_said(event: Event) -> dict[str, Any]:
    """What an event says in so many words of the fields that have stamps; None = cleared.

    An address is its members. `"address": null` clears them all, also those that nobody has named
    yet, so it is a register of its own. An address that is no object says nothing, and neither does
    a claim that is named like a member of one.
    """
    data = event.data
    values: dict[str, Any] = {}
    for claim, value in data.user.items():
        if claim == "address":
            if isinstance(value, dict):
                for member, part in value.items():
                    values[MEMBER + member] = part
            elif value is None:
                values[ADDRESS] = None
        elif claim != "sub" and not claim.startswith("address."):
            values["profile." + claim] = value
    if data.attributes:
        for name, value in data.attributes.items():
            values["attributes." + name] = value
    if data.settings:
        for name, value in data.settings.items():
            values[SETTING + name] = value
    if data.status is not UNSET:
        values["status"] = data.status
    return values


def clocks_said(event: Event, text: str) -> dict[str, str]:
    """The fields with a time of their own that an event moves; `text` is its time.

    `updated_at`: it carries a claim besides `sub`, or an attribute. A null counts (it says that the
    claim was cleared), and so does an address without members.
    """
    data = event.data
    values: dict[str, str] = {}
    if len(data.user) > 1 or data.attributes:
        values["updated_at"] = text
    if event.type == "user.created":
        values["created_at"] = text
    elif event.type == "user.logged_in":
        values["last_login_at"] = text
    elif event.type == "user.logged_out":
        values["last_logout_at"] = text
    if data.presence is not UNSET:
        values["presence"] = data.presence.status
    return values
