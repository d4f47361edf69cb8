"""One record, one outcome: what is common to all vendors around a vendor's mapper."""

import re
import traceback
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Final
from urllib.parse import quote

from msgspec import UNSET, Struct
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
from app.canonical import DATA_CONTENT_TYPE, DATA_SCHEMA, SPEC_VERSION, Data, Event, encode_event, escape
from app.nesting import too_deep
from app.outcome import Dead, Emit, Outcome, Skip
from app.times import AFTER_ALL, BEFORE_ALL, MICROS_PER_DAY, YEAR_2000, YEAR_10000, format_micros, sortable
from app.vendors.model import Draft, Dropped, Mapped, Message, Record, Refused, Vendor, bound_events, refuse
from app.vendors.reading import NotJson

# A deterministic id needs no key and no secrecy, 128 bits make a collision unthinkable.
_DIGEST_BYTES: Final = 16
DEFAULT_MAX_RECORD_BYTES: Final = 1 << 20
DEFAULT_TENANT: Final = "default"

_NO_HEADERS: Final[dict[str, str]] = {}
_NOT_JSON: Final = Dead("not_json", "$: expected JSON")


class Options(Struct, frozen=True):
    """The settings that an outcome depends on. `tenant` is for records that name none."""

    tenant: str = DEFAULT_TENANT
    max_record_bytes: int = DEFAULT_MAX_RECORD_BYTES


def convert(vendor: Vendor, record: Record, place: str, options: Options) -> Outcome:
    """The outcome of one record of the partition `place` (`topic/partition`).

    Pure, and raises nothing for whatever a producer may send.
    """
    body = record.value
    if body is None:
        return Skip("tombstone")
    if len(body) > options.max_record_bytes:
        return Dead("too_large", f"$: expected at most {options.max_record_bytes} bytes")
    try:
        if too_deep(body):
            return _NOT_JSON
        headers = _headers(record.headers)
        recorded, latest = _recorded_times(
            _timestamp(record.timestamp, headers) if headers else record.timestamp
        )
        message = Message(body, headers, recorded, [])
        try:
            mapped = vendor.map(message)
        except NotJson:
            # Once more only if there is a half of a surrogate pair, so that no usual body pays for it.
            whole = without_half_surrogates(body)
            if whole == body:
                raise
            message = Message(whole, headers, recorded, [])
            mapped = vendor.map(message)
        origin = f"{place}/{record.offset}"
        events = _events(vendor, origin, message, body, mapped, latest, options)
        return Emit(events, tuple(message.odd))
    except Dropped as dropped:
        return Skip(dropped.reason)
    except Refused as refused:
        return Dead(refused.reason, refused.detail)
    except NotJson:
        return _NOT_JSON
    except Exception as error:  # noqa: BLE001 - our bug must not cost the record, nor stop the topic
        return Dead("mapper_error", _place_of(error))


def _place_of(error: Exception) -> str:
    """Type and place only: an exception's text may quote the payload."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {Path(frame.filename).name}:{frame.lineno} {frame.name}"


def _headers(headers: Sequence[tuple[str, bytes | None]]) -> dict[str, str]:
    if not headers:
        return _NO_HEADERS
    texts = {}
    for name, value in headers:
        try:
            texts[name.lower()] = value.decode() if value else ""
        except UnicodeDecodeError:
            texts[name.lower()] = ""
    return {name: text for name, text in texts.items() if text}


def _timestamp(kafkas: int | None, headers: dict[str, str]) -> int | None:
    """The record's timestamp: that of the original where a redrive or replay tells it, else Kafka's."""
    original = headers.get("x-original-timestamp")
    return int(original) if original and _MILLISECONDS.fullmatch(original) else kafkas


_MILLISECONDS = re.compile(r"-?[0-9]{1,15}")


# Under load many records share a millisecond, and nearly all of them a tenant.
@lru_cache(maxsize=1024)
def _recorded_times(timestamp: int | None) -> tuple[str, str]:
    """Of a record's timestamp in milliseconds: its time, and the latest that its events may have.

    BEFORE_ALL is the time of a record without a timestamp.
    """
    if timestamp is None or timestamp < 0:
        return BEFORE_ALL, _LATEST
    recorded = timestamp * 1000
    return sortable(recorded), sortable(min(recorded + MICROS_PER_DAY, YEAR_10000 - 1))


_EARLIEST: Final = format_micros(YEAR_2000)
_LATEST: Final = format_micros(YEAR_10000 - 1)

# What RFC 3986 allows in a segment of a path beside letters, digits and `-._~`.
_PCHAR: Final = "!$&'()*+,;=:@"


def _new_blank(vendor: str, tenant: str) -> Event:
    part = escape(tenant)
    return Event(
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
        data=Data(snapshot="full", user={}),
    )


# Blanks of tenants that are short and usable at first sight, by vendor and tenant. Pure: only a memory.
_blanks: Final[dict[str, dict[str, Event]]] = {}
# Longer ones are not kept, and not more of a vendor: thousands of them could be a gigabyte.
_USUAL_TENANT: Final = 200
_BLANKS_KEPT: Final = 1024
_NO_BLANKS: Final[dict[str, Event]] = {}


def _blank(vendor: str, *tenants: str | None) -> Event:
    """What all events of a tenant share, the first one told of `tenants`; to be filled by `replace`, which is
    a fifth of the constructor's cost. Its `partitionkey` still lacks the subject.

    Raises Refused if the tenant is too long.
    """
    tenant = next(filter(None, map(_told, tenants)), DEFAULT_TENANT)
    if too_long(tenant, MAX_ID_BYTES):
        refuse("$", f"a tenant of at most {MAX_ID_BYTES} bytes")
    blank = _new_blank(vendor, tenant)
    if len(tenant) <= _USUAL_TENANT and tenant[0] not in MAYBE_NOTHING:
        kept = _blanks.setdefault(vendor, {})
        if len(kept) >= _BLANKS_KEPT:
            kept.clear()
        kept[tenant] = blank
    return blank


def _events(
    vendor: Vendor,
    origin: str,
    message: Message,
    body: bytes,
    mapped: Mapped,
    latest: str,
    options: Options,
) -> list[Event]:
    """`body`: as it came, which is what an id without the vendor's own is made of."""
    event_id = mapped.event_id or blake2b(body, digest_size=_DIGEST_BYTES).hexdigest()
    base = f"{mapped.vendortype}:{event_id}"
    forced_tenant = message.headers.get("tenant")
    recorded = message.recorded or UNSET
    if recorded == AFTER_ALL:  # a producer that gives microseconds for milliseconds
        raise Refused("bad_time", "the record's timestamp: expected milliseconds since 1970")
    blanks = _blanks.get(vendor.name, _NO_BLANKS)
    several, size, size_of_body = len(mapped.drafts) > 1, 0, len(body)
    events = []
    for index, draft in enumerate(mapped.drafts):
        if not _EARLIEST <= draft.time <= latest:
            raise Refused("bad_time", _bad_time(vendor, draft))
        tenant = forced_tenant or draft.tenant or options.tenant
        blank = blanks.get(tenant) or _blank(vendor.name, forced_tenant, draft.tenant, options.tenant)
        subject = escape(draft.sub)
        if size_of_body > NO_LARGE_TEXT:
            data = draft.data
            if size_of_body > NO_LARGE_VALUE or data.score is not UNSET or data.points is not UNSET:
                _bound(data, size_of_body, message.odd)
        events.append(
            replace(
                blank,
                id=f"{base}.{index}" if several else base,
                type=draft.type,
                subject=subject,
                time=draft.time,
                partitionkey=blank.partitionkey + subject,
                vendortype=mapped.vendortype,
                timesource=draft.timesource,
                recordedtime=recorded,
                origin=origin,
                data=draft.data,
            )
        )
        if several:
            size += len(encode_event(events[-1]))
            bound_events(size)
    return events


def _told(tenant: str | None) -> str | None:
    """The tenant, None if it is a text that broken producers write for nothing. Blank text is a tenant."""
    return None if tenant is None or (is_nothing(tenant) and not tenant.isspace()) else tenant


def _bound(data: Data, size: int, odd: list[str]) -> None:
    """Leaves out and names what is too large; `size` is that of the body.

    Raises Refused if it is the status of a presence, which is needed.
    """
    found = large_parts(data) if size > NO_LARGE_VALUE else large_texts(data)
    if not found:
        return
    for part, name in found:
        if part is data.presence and name == "status":
            refuse("$.context.currentStatus", f"at most {MAX_VALUE_BYTES} bytes")
        odd.append(name)
        if isinstance(part, dict):
            del part[name]
        else:
            setattr(part, name, UNSET)
    data.attributes = data.attributes or UNSET
    data.previous = data.previous or UNSET


def _bad_time(vendor: Vendor, draft: Draft) -> str:
    place = vendor.clocks.get(draft.timesource, "the record's timestamp")
    return f"{place}: expected a time after 1999, at most a day after the record's timestamp"
