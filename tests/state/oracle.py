"""docs/tables.md written down a second time, as simply as possible: rows are plain JSON objects, computed
from the whole set of a key's events at once. It has no order, no merge and no shortcut."""

import json
from typing import Any

import msgspec

from app.canonical import Event
from app.times import format_micros, parse_rfc3339

Json = dict[str, Any]


def encoding(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def time_of(event: Event) -> int:
    time = parse_rfc3339(event.time)
    assert time is not None
    return time


def is_deletion(event: Event) -> bool:
    return event.type == "user.deleted"


def is_full(event: Event) -> bool:
    return not is_deletion(event) and event.data.snapshot == "full"


def is_partial(event: Event) -> bool:
    return not is_deletion(event) and event.data.snapshot == "partial"


def is_promised(events: list[Event]) -> bool:
    """Whether order-independence is promised: for every history but those that both revive a user (a
    full snapshot newer than a deletion) and hold a partial event newer than that deletion."""
    return not any(
        is_deletion(deletion)
        and any(is_full(it) and time_of(it) > time_of(deletion) for it in events)
        and any(is_partial(it) and time_of(it) > time_of(deletion) for it in events)
        for deletion in events
    )


def rows_of(events: list[Event]) -> tuple[Json | None, Json | None]:
    """The users row and the loyalty row of one key; None if the key has no such row."""
    if not events:
        return None, None
    identity = {"vendor": events[0].vendor, "tenant": events[0].tenant, "sub": events[0].data.user["sub"]}
    deleted = max((time_of(it) for it in events if is_deletion(it)), default=None)
    counted = [it for it in events if not is_deletion(it) and (deleted is None or time_of(it) > deleted)]
    deleted_at = {} if deleted is None else {"deleted_at": format_micros(deleted)}
    if deleted is not None and not any(map(is_full, counted)):
        return identity | {"status": "deleted"} | deleted_at, None
    return identity | users_row(counted) | deleted_at, loyalty_row(identity, counted)


def mentions(event: Event) -> Json:
    """The values that the event gives to registers, by the names that these have in `stamps`."""
    data = msgspec.to_builtins(event.data)
    address = data["user"].get("address", "nothing said")
    named = {f"profile.{claim}": value for claim, value in data["user"].items()}
    named = {name: value for name, value in named.items() if not name.startswith("profile.address.")}
    del named["profile.sub"]
    named.pop("profile.address", None)
    if address is None:
        named["profile.address"] = None
    if isinstance(address, dict):
        named |= {f"profile.address.{member}": value for member, value in address.items()}
    named |= {f"attributes.{name}": value for name, value in data.get("attributes", {}).items()}
    named |= {f"settings.{name}": value for name, value in data.get("settings", {}).items()}
    return named | ({"status": data["status"]} if "status" in data else {})


def winner(name: str, events: list[Event]) -> tuple[int, Any] | None:
    """Of all that the events say of one register, named or not, the greatest (time, value)."""
    said: list[tuple[int, bool, bytes, Any]] = []
    for it in events:
        named = mentions(it)
        clears_address = name.startswith("profile.address.") and "profile.address" in named
        clears_absent = name.startswith(("profile.", "attributes.")) and is_full(it)
        if name in named or clears_address or clears_absent:
            value = named.get(name)
            said.append((time_of(it), value is not None, encoding(value), value))
    if not said:
        return None
    time, _, _, value = max(said, key=lambda it: it[:3])
    return time, value


def users_row(events: list[Event]) -> Json:
    as_of = max((time_of(it) for it in events if is_full(it)), default=None)
    row: Json = {"complete": as_of is not None, "profile": {}, "attributes": {}, "settings": {}, "stamps": {}}
    address = winner("profile.address", [it for it in events if "profile.address" in mentions(it)])
    for name in {name for it in events for name in mentions(it)}:
        won = winner(name, events)
        assert won is not None
        time, value = won
        group, _, field = name.partition(".")
        if value is None:
            # What a snapshot has cleared, or an address that was cleared as a whole, needs no stamp.
            wholesale = [] if group == "settings" else [as_of or 0]
            if name.startswith("profile.address.") and address is not None:
                wholesale.append(address[0])
            if time > max(wholesale, default=0):
                row["stamps"][name] = time
            continue
        if time != as_of:
            row["stamps"][name] = time
        if name == "status":
            row["status"] = value
        elif name.startswith("profile.address."):
            row["profile"].setdefault("address", {})[name.removeprefix("profile.address.")] = value
        else:
            row[group][field] = value
    if as_of is not None:
        row["as_of"] = as_of
    return row | times(events)


def times(events: list[Event]) -> Json:
    """The members that carry their own time."""
    found = {
        "created_at": [it for it in events if it.type == "user.created"],
        "updated_at": [it for it in events if len(it.data.user) > 1 or it.data.attributes],
        "last_login_at": [it for it in events if it.type == "user.logged_in"],
        "last_logout_at": [it for it in events if it.type == "user.logged_out"],
    }
    row: Json = {name: format_micros(max(map(time_of, those))) for name, those in found.items() if those}
    seen = [(time_of(it), encoding(it.data.presence.status)) for it in events if it.data.presence]
    if seen:
        time, status = max(seen)
        row["presence"] = {"status": json.loads(status), "at": format_micros(time)}
    return row


def loyalty_row(identity: Json, events: list[Event]) -> Json | None:
    row: Json = dict(identity)
    entries: dict[str, tuple[int, bytes]] = {}
    for kind, member in (("reputation", "score"), ("points", "points")):
        changes = [
            (time_of(it), it.id, getattr(it.data, member)) for it in events if getattr(it.data, member)
        ]
        balances = [
            (time, encoding(it.balance), it.balance)
            for time, _, it in changes
            if it.balance is not msgspec.UNSET
        ]
        if balances:
            time, _, value = max(balances)
            row[kind] = {"value": value, "as_of": time}
        for time, event_id, change in changes:
            entry = {"id": event_id, "kind": kind, "at": format_micros(time)}
            stated = msgspec.to_builtins(change)
            entry |= {name: stated[name] for name in ("delta", "balance", "reason") if name in stated}
            entries[event_id] = max(entries.get(event_id, (0, b"")), (time, encoding(entry)))
    if not entries:
        return None
    newest = sorted(((time, event_id, text) for event_id, (time, text) in entries.items()), reverse=True)[:20]
    return row | {"entries": [json.loads(text) for _, _, text in newest]}
