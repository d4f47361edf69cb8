"""The users row: what one event alone makes of it, and how two states of it are joined."""

from typing import Any

from msgspec import UNSET

from app.canonical import Event
from app.state.rules.instants import Instant, micros_of
from app.state.rules.registers import (
    MEMBER,
    NEVER,
    SETTING,
    TIMES,
    Registers,
    cleared_until,
    fields_of,
    join,
    times_of,
)
from app.state.rules.rows import DeletedUser, PresenceAt, User, UserRow
from app.times import format_micros


def row_of(event: Event, at: Instant) -> UserRow:
    """The row of a user of whom nothing is known but this event, which is no deletion. `at` is its time."""
    row = blank_row(event)
    if event.data.snapshot == "full":
        row.as_of, row.complete = at.micros, True
    said = {**fields_of(event), **times_of(event, at)}
    return from_registers(row, {name: (at.micros, value) for name, value in said.items()})


def deleted_user_of(event: Event, at: Instant) -> DeletedUser:
    """The row of a user of whom nothing is known but this deletion. `at` is its time."""
    return DeletedUser(
        vendor=event.vendor, tenant=event.tenant, sub=event.data.user["sub"], deleted_at=at.text
    )


def merge_users(a: User, b: User) -> User:
    """The join of two states of one users row (docs/tables.md#merge).

    A deletion leaves a row only if the row's last full snapshot is newer, and then only what is newer than
    the deletion (docs/tables.md#deletion).
    """
    # Both are of one key and so of one user. If they are not, the result still is the same for (b, a).
    row = _blank(*max((a.vendor, a.tenant, a.sub), (b.vendor, b.tenant, b.sub)))
    live = [it for it in (a, b) if isinstance(it, UserRow)]
    row.as_of = max((it.as_of for it in live if it.as_of is not UNSET), default=UNSET)
    row.complete = row.as_of is not UNSET
    row.deleted_at = max((it.deleted_at for it in (a, b) if it.deleted_at is not UNSET), default=UNSET)
    registers: Registers = {}
    for it in live:
        registers = join(registers, to_registers(it))
    if row.deleted_at is not UNSET:
        deleted = micros_of(row.deleted_at)
        if row.as_of is UNSET or row.as_of <= deleted:
            return DeletedUser(vendor=row.vendor, tenant=row.tenant, sub=row.sub, deleted_at=row.deleted_at)
        registers = {name: register for name, register in registers.items() if register[0] > deleted}
    return from_registers(row, registers)


def to_registers(row: UserRow) -> Registers:
    """The registers of a row by name. The stamps that the row leaves out are there, too."""
    stamps = row.stamps
    floor = NEVER if row.as_of is UNSET else row.as_of
    values: dict[str, Any] = {}
    for claim, value in row.profile.items():
        if claim == "address":
            for member, part in value.items():
                values[MEMBER + member] = part
        else:
            values["profile." + claim] = value
    for attribute, value in row.attributes.items():
        values["attributes." + attribute] = value
    for setting, value in row.settings.items():
        values[SETTING + setting] = value
    if row.status is not UNSET:
        values["status"] = row.status
    registers: Registers = {name: (stamp, None) for name, stamp in stamps.items()}
    for name, value in values.items():
        registers[name] = (stamps.get(name, floor), value)
    if row.presence is not UNSET:
        registers["presence"] = (micros_of(row.presence.at), row.presence.status)
    for name in TIMES:
        time = getattr(row, name)
        if time is not UNSET:
            registers[name] = (micros_of(time), time)
    return registers


def put(row: UserRow, name: str, value: Any) -> None:
    """Puts the value of a register into its place in a row; None removes it. The row must be a new one, which
    nobody else has yet."""
    if name == "status":
        row.status = value
        return
    if name.startswith(MEMBER):
        group, field = row.profile.setdefault("address", {}), name[len(MEMBER) :]
    else:
        kind, _, field = name.partition(".")
        group = getattr(row, kind)
    if value is None:
        group.pop(field, None)
    else:
        group[field] = value


def blank_row(event: Event) -> UserRow:
    """A row that says who the event's user is and nothing else."""
    return _blank(event.vendor, event.tenant, event.data.user["sub"])


def _blank(vendor: str, tenant: str, sub: str) -> UserRow:
    return UserRow(
        vendor=vendor,
        tenant=tenant,
        sub=sub,
        complete=False,
        profile={},
        attributes={},
        settings={},
        stamps={},
    )


def from_registers(row: UserRow, registers: Registers) -> UserRow:
    """`row`, filled with the registers. It is a blank row, but for `as_of`, `complete` and `deleted_at`.

    A full snapshot has cleared every claim and attribute that it did not carry. So an older value is left
    out, and a claim that the snapshot itself has cleared needs no stamp. A snapshot does not clear settings
    and the status: a setting that was cleared by name keeps its stamp, also if that equals `as_of`.
    """
    as_of = NEVER if row.as_of is UNSET else row.as_of
    for name, (stamp, value) in registers.items():
        if name == "presence":
            row.presence = PresenceAt(value, format_micros(stamp))
        elif name in TIMES:
            setattr(row, name, value)
        else:
            cleared = cleared_until(name, registers, as_of)
            if stamp < cleared or (stamp == cleared and value is None):
                continue
            if value is not None:
                put(row, name, value)
            if value is None or stamp != as_of:
                row.stamps[name] = stamp
    return row


def expired(user: User, now_micros: int, grace_micros: int) -> bool:
    """Whether this is a marker older than the grace period, which is to become a tombstone
    (docs/tables.md#grace-period). Only the worker asks, because `fold` has no clock."""
    return isinstance(user, DeletedUser) and micros_of(user.deleted_at) + grace_micros < now_micros
