"""A line of a vendor's export becomes full snapshots: canonical events that state each user as a whole."""

from typing import Final

import msgspec
from msgspec import UNSET, Raw, Struct
from msgspec.json import Encoder
from msgspec.structs import replace

from app.bounds import without_half_surrogates
from app.new_event import NewEvent
from app.outcome import Dead, Emit, Outcome
from app.times import format_micros
from app.vendors import VENDORS, Options, Vendor, convert
from app.vendors.event_ids import id_of_body
from app.vendors.model import Draft, Invalid, Mapped, Message, deletion, invalid
from app.vendors.tolerant_reader import UNREADABLE
from app.vendors.user_bodies import USER_BODIES

IMPORT: Final = "import"
"""The vendor's name of the event, `vendortype`, and what the id begins with."""

_NOT_JSON: Final = Dead("not_json", "$: expected JSON")
_NO_OBJECT: Final = Dead("schema", "$: expected an object")
_read_members: Final = msgspec.json.Decoder(dict[str, Raw]).decode
_content: Final = Encoder(order="sorted").encode


class _Given(Struct):
    """A line as the record that it would be on the vendor's topic."""

    offset: int
    timestamp: int
    headers: list[tuple[str, bytes | None]]
    value: bytes | None


class SnapshotConverter:
    """Makes events of the lines of one export. Pure: the time of the call is given."""

    def __init__(self, vendor: str, tenant: str, as_of: int | None, now: int, max_record_bytes: int) -> None:
        """`as_of`: when the export began, in milliseconds since 1970; the time of each user that has none of
        its own. None if that is not known: then such users are refused. `now`: milliseconds since 1970."""
        self._vendor = VENDORS[vendor]
        self._wrapping = USER_BODIES.get(vendor)
        self._bare = replace(self._vendor, map=self._map_object)
        self._whole = replace(self._vendor, map=self._map_body)
        self._tenant = tenant
        self._headers: list[tuple[str, bytes | None]] = [("tenant", tenant.encode())]
        self._as_of_ms = as_of
        self._as_of = None if as_of is None else format_micros(as_of * 1000)
        self._now = now
        self._options = Options(max_record_bytes=max_record_bytes)

    def convert(self, line: bytes, number: int) -> Outcome:
        """Returns the outcome of a line, with its number in the events' `origin`. Raises nothing.

        Its events are full snapshots of the type `user.updated`, and deletions of users of whom the vendor
        says that they are deleted. Whatever else the line is: Dead or Skip, with the mapper's own reasons.
        """
        line = line.strip()
        if len(line) > self._options.max_record_bytes:
            return Dead("too_large", f"$: expected at most {self._options.max_record_bytes} bytes")
        try:
            members = _members_of(line)
        except msgspec.ValidationError:
            return _NO_OBJECT
        except UNREADABLE:
            return _NOT_JSON
        wrapping = self._wrapping
        if wrapping is None or any(names <= members.keys() for names in wrapping.whole):
            return self._convert(self._whole, line, number)
        if (objection := wrapping.objection(members)) is not None:
            return Dead("schema", objection)
        body = wrapping.wrap(members, line, self._tenant, self._as_of_ms or 0)
        return self._convert(self._bare, body, number)

    def deletion(self, sub: str) -> NewEvent:
        """Returns the deletion, at the time at which the export began, of a user whom the export lacks. Its
        kind is `unknown`. The vendor's id `sub` must be that of a row, and the time must be known."""
        assert self._as_of is not None
        draft = Draft("user.deleted", sub, self._as_of, "event", deletion(sub, "unknown"))
        outcome = self._convert(replace(self._vendor, map=lambda _: _mapped([draft])), b"", 0)
        assert isinstance(outcome, Emit)
        outcome.events[0].origin = UNSET
        return outcome.events[0]

    def _convert(self, vendor: Vendor, body: bytes, number: int) -> Outcome:
        record = _Given(number, self._now, self._headers, body)
        outcome = convert(vendor, record, f"{IMPORT}/0", self._options)
        if isinstance(outcome, Emit):
            for event in outcome.events:
                # The line has no record, and the same import again has to give the same events.
                event.recordedtime = UNSET
                event.id = f"{IMPORT}:{_hash_of(event)}"
        return outcome

    def _map_object(self, message: Message) -> Mapped:
        """What the mapper makes of an object in a body of ours: only the times of rows are the vendor's."""
        return self._snapshots(message, bare=True)

    def _map_body(self, message: Message) -> Mapped:
        """What the mapper makes of a body as the vendor sent it."""
        return self._snapshots(message, bare=False)

    def _snapshots(self, message: Message, *, bare: bool) -> Mapped:
        drafts = self._vendor.map(message).drafts
        for draft in drafts:
            data = draft.data
            if draft.type != "user.deleted":
                if data.snapshot != "full":
                    invalid("$", "a full snapshot of the user")
                draft.type = "user.updated"
            # They are about a change, of which an export knows nothing.
            data.previous = data.actor = data.login = UNSET
            if draft.timesource == "record" or (bare and draft.timesource == "event"):
                draft.time, draft.timesource = self._stated(), "event"
        return _mapped(drafts)

    def _stated(self) -> str:
        """Returns the time at which the export began. Raises Invalid if nobody has said it."""
        if self._as_of is None:
            path = self._vendor.times.get("row", "the user")
            raise Invalid("bad_time", f"{path}: expected a time of its own, or --as-of")
        return self._as_of


def _members_of(line: bytes) -> dict[str, Raw]:
    """Returns the members of the line's object. Raises msgspec.ValidationError if it is none, and UNREADABLE
    if it is no JSON."""
    try:
        return _read_members(line)
    except msgspec.ValidationError:
        raise
    except UNREADABLE:
        whole = without_half_surrogates(line)
        if whole == line:
            raise
        return _read_members(whole)


def _mapped(drafts: list[Draft]) -> Mapped:
    return Mapped(IMPORT, None, drafts)


def _hash_of(event: NewEvent) -> str:
    """Returns 32 hex digits: equal users of one tenant with one time are one event, whatever the order of the
    members of an object."""
    return id_of_body(_content([event.vendor, event.tenant, event.type, event.time, event.data]))
