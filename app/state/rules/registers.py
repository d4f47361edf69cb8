"""Last-writer-wins registers: every field of a users row is one (docs/tables.md#registers).

A register is (stamp, value): the event's time in microseconds since 1970, and the value that the event gave
it; None means cleared. Registers with a name in `stamps` are `status` and those like `profile.email`,
`profile.address.country`, `attributes.roles`, `settings.qa_frequency`. `presence`, `created_at`,
`updated_at`, `last_login_at` and `last_logout_at` carry their own time and have no stamp in the row.
"""

from typing import Any, Final

from msgspec import UNSET

from app.canonical import Event
from app.state.rules.encoding import sorted_json
from app.state.rules.instants import EARLIEST, Instant

Register = tuple[int, Any]
Registers = dict[str, Register]

# Before the stamp of every event. It has to be an instant that a row can hold: if another program writes a
# row without `as_of` and a value without a stamp, then a merge writes this as the value's stamp.
NEVER: Final = EARLIEST

ADDRESS: Final = "profile.address"
MEMBER: Final = "profile.address."
SETTING: Final = "settings."
TIMES: Final = ("created_at", "updated_at", "last_login_at", "last_logout_at")
# A full snapshot clears those of these registers that it does not carry.
CLEARED_BY_SNAPSHOT: Final = ("profile.", "attributes.")


def greater(a: Register, b: Register) -> Register:
    """The later of two registers. If their stamps are equal, the one with the greater JSON encoding; a
    cleared register then loses to any value (docs/tables.md#ties)."""
    if a[0] != b[0]:
        return a if a[0] > b[0] else b
    if a[1] is None or b[1] is None:
        return a if b[1] is None else b
    return a if sorted_json(a[1]) >= sorted_json(b[1]) else b


def equal(a: Register, b: Register) -> bool:
    """Whether two registers have the same stamp and value. `1`, `1.0` and `true` are three values."""
    return a[0] == b[0] and sorted_json(a[1]) == sorted_json(b[1])


def join(a: Registers, b: Registers) -> Registers:
    """Every register of `a` and `b`; the greater one if both have it."""
    joined = dict(a)
    for name, register in b.items():
        held = joined.get(name)
        joined[name] = register if held is None else greater(held, register)
    return joined


def cleared_until(name: str, registers: Registers, as_of: int) -> int:
    """The time up to which a register is cleared though nobody has named it: by a full snapshot (`as_of`, or
    NEVER), or because the whole address was cleared."""
    if not name.startswith(CLEARED_BY_SNAPSHOT):
        return NEVER
    if name.startswith(MEMBER) and ADDRESS in registers:
        return max(as_of, registers[ADDRESS][0])
    return as_of


def fields_of(event: Event) -> dict[str, Any]:
    """The values that an event gives to registers with a stamp, by name; None means cleared.

    Each member of an address is a register. `"address": null` clears all of them, also those that nobody has
    named yet, so it is a register itself. An address that is neither an object nor null counts as absent, and
    so does a claim with a name like that of a member, `address.country`.
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


def times_of(event: Event, at: Instant) -> dict[str, str]:
    """The values that an event of the time `at` gives to the registers that carry their own time, by name.

    It gives one to `updated_at` if it carries an attribute, or a claim besides `sub`. A claim counts if it is
    null, which clears it, and if it is an address without members.
    """
    data = event.data
    values: dict[str, str] = {}
    if len(data.user) > 1 or data.attributes:
        values["updated_at"] = at.text
    if event.type == "user.created":
        values["created_at"] = at.text
    elif event.type == "user.logged_in":
        values["last_login_at"] = at.text
    elif event.type == "user.logged_out":
        values["last_logout_at"] = at.text
    if data.presence is not UNSET:
        values["presence"] = data.presence.status
    return values
