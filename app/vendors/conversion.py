"""One record, one outcome: what all vendors share around a vendor's mapper."""

import traceback
from functools import lru_cache
from pathlib import Path
from typing import Final
from urllib.parse import quote

from msgspec import UNSET, Struct, UnsetType
from msgspec.json import encode as encode_json
from msgspec.structs import replace

from app.bounds import (
    MAX_ID_BYTES,
    MAX_VALUE_BYTES,
    MAYBE_NOTHING,
    NO_LARGE_TEXT,
    NO_LARGE_VALUE,
    is_nothing,
    large_parts,
    large_texts,
    too_long,
    without_half_surrogates,
)
from app.canonical import DATA_CONTENT_TYPE, DATA_SCHEMA, SPEC_VERSION, encode_event
from app.keys import escape
from app.nesting import SHALLOW_BYTES, too_deep
from app.new_event import NamedValues, NewData, NewEvent
from app.outcome import Dead, Emit, Outcome, Skip
from app.times import AFTER_ALL, YEAR_2000, format_micros
from app.vendors.event_ids import id_of_body
from app.vendors.model import Draft, Invalid, Mapped, Message, Skipped, Vendor, bound_events, invalid
from app.vendors.record import NO_HEADERS, InputRecord, headers_of, recorded_times, timestamp_of
from app.vendors.tolerant_reader import NotJson

DEFAULT_MAX_RECORD_BYTES: Final = 1 << 20
DEFAULT_TENANT: Final = "default"

_NOT_JSON: Final = Dead("not_json", "$: expected JSON")


class Options(Struct, frozen=True):
    """The settings that an outcome depends on. `tenant` is for records that name none."""

    tenant: str = DEFAULT_TENANT
    max_record_bytes: int = DEFAULT_MAX_RECORD_BYTES


class _Incoming(Message, gc=False):
    """What a mapper is given, and what else the events of one record are made of.

    `size`: the bytes of the body, as it came. `tenant`: that of the header, which wins over a draft's.
    """

    latest: str
    size: int
    tenant: str | None
    vendor: Vendor
    options: Options


def convert(vendor: Vendor, record: InputRecord, partition: str, options: Options) -> Outcome:
    """The outcome of one record of `partition`, which is written as `topic/number`.

    Pure; raises nothing, whatever a producer sends.
    """
    body = record.value
    if body is None:
        return Skip("tombstone")
    if len(body) > options.max_record_bytes:
        return Dead("too_large", f"$: expected at most {options.max_record_bytes} bytes")
    try:
        # perf: most bodies are shorter, which saves the call; plain form: `too_deep` for each body.
        if len(body) > SHALLOW_BYTES and too_deep(body):
            return _NOT_JSON
        headers = headers_of(record) if record.headers else NO_HEADERS
        recorded, latest = recorded_times(timestamp_of(record, headers) if headers else record.timestamp)
        tenant = headers.get("tenant") if headers else None
        message = _Incoming(body, headers, recorded, [], latest, len(body), tenant, vendor, options)
        try:
            mapped = vendor.map(message)
        except NotJson:
            # A second try only if the body has half of a surrogate pair, so that no usual body pays for it.
            whole = without_half_surrogates(body)
            if whole == body:
                raise
            message = _Incoming(whole, headers, recorded, [], latest, len(body), tenant, vendor, options)
            mapped = vendor.map(message)
        # Without an id of the vendor's, one is made of the body as it came.
        event_id = f"{mapped.vendortype}:{mapped.event_id or id_of_body(body)}"
        origin = f"{partition}/{record.offset}"
        if len(mapped.drafts) == 1:
            events = [_event(message, mapped.drafts[0], mapped.vendortype, event_id, origin)]
        else:
            events = _events(message, mapped, event_id, origin)
        return Emit(events, tuple(message.left_out) if message.left_out else ())
    except Skipped as skipped:
        return Skip(skipped.reason)
    except Invalid as error:
        return Dead(error.reason, error.detail)
    except NotJson:
        return _NOT_JSON
    except Exception as error:  # noqa: BLE001 - our bug must not cost the record, nor stop the topic
        return Dead("mapper_error", _location_of(error))


def _location_of(error: Exception) -> str:
    """The exception's type and location, nothing of its text, which may quote the payload."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {Path(frame.filename).name}:{frame.lineno} {frame.name}"


_EARLIEST: Final = format_micros(YEAR_2000)

# What RFC 3986 allows in a segment of a path beside letters, digits and `-._~`.
_PCHAR: Final = "!$&'()*+,;=:@"


# The blank of a long tenant is not in `_blanks`, and to make one costs more than the rest of an event does.
# The users of one record mostly have one tenant.
@lru_cache(maxsize=1)
def _new_blank(vendor: str, tenant: str) -> NewEvent:
    part = escape(tenant)
    return NewEvent(
        specversion=SPEC_VERSION,
        id="",
        source=f"/vendors/{vendor}/{quote(tenant, safe=_PCHAR)}",
        type="user.updated",
        time="",
        datacontenttype=DATA_CONTENT_TYPE,
        dataschema=DATA_SCHEMA,
        partitionkey=f"{vendor}/{part}/",
        vendor=vendor,
        tenant=tenant,
        data=NewData("full", UNSET, {}),
    )


# By vendor and tenant, the blanks of short tenants that are usable at first sight.
# perf: saves 11 to 21 % of convert (make bench ARGS=convert); plain form: `_new_blank` for each event.
_blanks: Final[dict[str, dict[str, NewEvent]]] = {}
# Longer ones are not kept, nor more of a vendor: thousands of them could be a gigabyte.
_USUAL_TENANT: Final = 200
_BLANKS_KEPT: Final = 1024
_NO_BLANKS: Final[dict[str, NewEvent]] = {}


def _blank(vendor: str, *tenants: str | None) -> NewEvent:
    """What all events of a tenant share: the first usable one of `tenants`. `partitionkey` lacks the subject.

    Raises Invalid if the tenant is too long.
    """
    tenant = next(filter(None, map(_usable, tenants)), DEFAULT_TENANT)
    if too_long(tenant, MAX_ID_BYTES):
        invalid("$", f"a tenant of at most {MAX_ID_BYTES} bytes")
    blank = _new_blank(vendor, tenant)
    if len(tenant) <= _USUAL_TENANT and tenant[0] not in MAYBE_NOTHING:
        kept = _blanks.setdefault(vendor, {})
        if len(kept) >= _BLANKS_KEPT:
            kept.clear()
        kept[tenant] = blank
    return blank


def _events(incoming: _Incoming, mapped: Mapped, event_id: str, origin: str) -> list[NewEvent]:
    """The canonical events of a record that has not exactly one. Their ids are `event_id` with a number."""
    # A header may be as long as a body, so it is judged once, and not for each user.
    incoming.tenant = _usable(incoming.tenant)
    events: list[NewEvent] = []
    size = 0
    for number, draft in enumerate(mapped.drafts):
        event = _event(incoming, draft, mapped.vendortype, f"{event_id}.{number}", origin)
        events.append(event)
        size += len(encode_event(event))
        bound_events(size)
    return events


def _event(incoming: _Incoming, draft: Draft, vendortype: str, event_id: str, origin: str) -> NewEvent:
    """The canonical event of one draft. Raises Invalid if the draft's time or its tenant is out of bounds."""
    data, time, source = draft.data, draft.time, draft.timesource
    if not _EARLIEST <= time <= incoming.latest:
        raise Invalid("bad_time", _bad_time(incoming, draft))
    if source == "record":
        # The time at which a record was written does not say when its user looked like this.
        data.snapshot = "partial"
    vendor, forced, usual = incoming.vendor.name, incoming.tenant, incoming.options.tenant
    blank = _blanks.get(vendor, _NO_BLANKS).get(forced or draft.tenant or usual)
    blank = blank or _blank(vendor, forced, draft.tenant, usual)
    if incoming.size > NO_LARGE_TEXT and (
        incoming.size > NO_LARGE_VALUE or data.score is not UNSET or data.points is not UNSET
    ):
        _bound(data, incoming.size, incoming.left_out)
    subject = escape(draft.sub)
    return replace(
        blank,
        id=event_id,
        type=draft.type,
        subject=subject,
        time=time,
        partitionkey=blank.partitionkey + subject,
        vendortype=vendortype,
        timesource=source,
        recordedtime=incoming.recorded or UNSET,
        origin=origin,
        data=data,
    )


def _usable(tenant: str | None) -> str | None:
    """The tenant; None for a text that broken producers write for nothing. Blank text is a tenant."""
    return None if tenant is None or (is_nothing(tenant) and not tenant.isspace()) else tenant


def _bound(data: NewData, size: int, left_out: list[str]) -> None:
    """Leaves out what is too large and names it; `size` is that of the body.

    Raises Invalid if it is the status of a presence, which is required.
    """
    found = large_parts(data) if size > NO_LARGE_VALUE else large_texts(data)
    if not found:
        return
    for part, name in found:
        if part is data.presence and name == "status":
            invalid("$.context.currentStatus", f"at most {MAX_VALUE_BYTES} bytes")
        left_out.append(name)
        if isinstance(part, dict):
            del part[name]
        else:
            setattr(part, name, UNSET)
    if _is_empty(data.attributes):
        data.attributes = UNSET
    if _is_empty(data.previous):
        data.previous = UNSET


def _is_empty(part: NamedValues | UnsetType) -> bool:
    return part is not UNSET and encode_json(part) == b"{}"


def _bad_time(incoming: _Incoming, draft: Draft) -> str:
    if incoming.recorded == AFTER_ALL:  # a producer that gives microseconds for milliseconds
        return "the record's timestamp: expected milliseconds since 1970"
    path = incoming.vendor.times.get(draft.timesource, "the record's timestamp")
    return f"{path}: expected a time after 1999, at most a day after the record's timestamp"
