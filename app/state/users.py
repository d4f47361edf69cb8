"""The users row: what one event alone makes of it, and the join of two rows with the rules of deletion."""

from typing import Any

from msgspec import UNSET

from app.canonical import Event
from app.state.registers import (
    CLOCKS,
    MEMBER,
    NEVER,
    SETTING,
    Registers,
    cleared_until,
    clocks_said,
    fields_said,
    join,
)
from app.state.rows import Marker, PresenceAt, User, UserRow, micros_of
from app.times import format_micros


def row_alone(event: Event, micros: int, text: str) -> UserRow:
    """The row of a user of whom this event, no deletion, is all that is known. `micros` and `text` are
    its time.

    A row's vendor, tenant and sub are those of its key, so every event of one key has the same.
    """
    row = blank_row(event)
    if event.data.snapshot == "full":
        row.as_of, row.complete = micros, True
    said = {**fields_said(event), **clocks_said(event, text)}
    return _put_together(row, {name: (micros, value) for name, value in said.items()})


def marker_alone(event: Event, text: str) -> Marker:
    """What a deletion leaves of a user of whom nothing else is known."""
    return Marker(vendor=event.vendor, tenant=event.tenant, sub=event.data.user["sub"], deleted_at=text)


def merge_users(a: User, b: User) -> User:
    """The join of two states of one users row (contract, section 4).

    Of a deletion and a row, the row is left only where its `as_of` is the newer, and of it only what
    is newer than the deletion.
    """
    row = _blank(*max((a.vendor, a.tenant, a.sub), (b.vendor, b.tenant, b.sub)))
    live = [it for it in (a, b) if isinstance(it, UserRow)]
    row.as_of = max((it.as_of for it in live if it.as_of is not UNSET), default=UNSET)
    row.complete = row.as_of is not UNSET
    row.deleted_at = max((it.deleted_at for it in (a, b) if it.deleted_at is not UNSET), default=UNSET)
    registers: Registers = {}
    for it in live:
        registers = join(registers, take_apart(it))
    if row.deleted_at is not UNSET:
        deleted = micros_of(row.deleted_at)
        if row.as_of is UNSET or row.as_of <= deleted:
            return Marker(vendor=row.vendor, tenant=row.tenant, sub=row.sub, deleted_at=row.deleted_at)
        registers = {name: register for name, register in registers.items() if register[0] > deleted}
    return _put_together(row, registers)


def take_apart(row: UserRow) -> Registers:
    """The registers of a row, with the stamps that it leaves out because they equal `as_of`."""
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
    for clock in CLOCKS:
        time = getattr(row, clock)
        if time is not UNSET:
            registers[clock] = (micros_of(time), time)
    return registers


def place(row: UserRow, name: str, value: Any) -> None:
    """Puts the value of a register where a row has it; None takes it away. For rows in the making."""
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
    """A row that says who the event's user is, and nothing else."""
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


def _put_together(row: UserRow, registers: Registers) -> UserRow:
    """Fills a blank row, whose `as_of` is set, with registers, in the sparse form.

    A full snapshot cleared every claim and attribute that it did not carry: of those nothing older is
    left, and being cleared by it goes without saying. Settings and the status are not cleared by a
    snapshot, so a setting that was cleared by name keeps its stamp even where that equals `as_of`.
    """
    as_of = NEVER if row.as_of is UNSET else row.as_of
    for name, (stamp, value) in registers.items():
        if name == "presence":
            row.presence = PresenceAt(value, format_micros(stamp))
        elif name in CLOCKS:
            setattr(row, name, value)
        else:
            cleared = cleared_until(name, registers, as_of)
            if stamp < cleared or (stamp == cleared and value is None):
                continue
            if value is not None:
                place(row, name, value)
            if value is None or stamp != as_of:
                row.stamps[name] = stamp
    return row


def expired(user: User, now_micros: int, grace_micros: int) -> bool:
    """Whether this is a marker older than the grace period, which is to become a tombstone.

    The worker asks; `fold`, which has no clock, never does.
    """
    return isinstance(user, Marker) and micros_of(user.deleted_at) + grace_micros < now_micros
