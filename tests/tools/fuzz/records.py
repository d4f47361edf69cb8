"""What must be true of every record, with any bytes (docs/events.md)."""

import json
import re
import time
from collections.abc import Callable
from typing import Final, NamedTuple
from urllib.parse import unquote

from msgspec import UNSET

from app.canonical import EVENT_TYPES, Event, Presence, Score, decode_event, encode_event
from app.dead_letters import NO_TIMESTAMP
from app.new_event import NewEvent
from app.outcome import DEAD_REASONS, SKIP_REASONS, Dead, Emit, Outcome, Skip
from app.times import MICROS_PER_DAY, YEAR_2000, YEAR_10000, parse_rfc3339
from app.vendors import VENDORS, convert
from app.vendors.unmapped_fields import unmapped_fields
from tests.tools.fuzz.allowed import CLAIMS, attributes_of, names_read
from tests.tools.fuzz.dead_letters import check_dead_letter, check_trace
from tests.tools.fuzz.finding import demand
from tests.tools.fuzz.hostile_values import SENTINEL
from tests.tools.fuzz.inputs import RecordInput
from tests.tools.fuzz.laws import check_history
from tests.vendors.plain_pass import plain_pass

# For a body of at most 1 MiB. The worst known bodies take about one second.
CPU_LIMIT_SECONDS: Final = 5.0
_SENTINEL: Final = SENTINEL.decode()
# A path and an expectation.
_DETAIL = re.compile(r"(\$[A-Za-z_.()|\[\]]*|the record's timestamp): expected [\w '.,-]{1,80}", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
_SOURCE = re.compile(r"(/([A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-F]{2})+){3}")
_MEMBERS: Final = frozenset(Event.__struct_fields__)
# So many events of a message are checked, which may have thousands.
_EVENTS_CHECKED: Final = 12
# The stack of another caller may be so much deeper. The depth that remains must not change the outcome.
_DEEPER: Final = 100
_NESTED: Final = 300
# The size of an event without its body (about 600 bytes), and how often an event repeats an id of its body.
_EVENT_BYTES: Final = 2048
_REPEATS: Final = 24


class Checked(NamedTuple):
    """What the report counts: the name of the outcome, its detail, and the processor time of `convert`."""

    outcome: str
    detail: str
    seconds: float


def check_record(it: RecordInput) -> Checked:
    """Returns what the report counts. Raises Finding, and every error of `convert`."""
    started = time.process_time()
    outcome = _converted(it)
    seconds = time.process_time() - started
    demand(seconds < CPU_LIMIT_SECONDS, f"convert takes less than {CPU_LIMIT_SECONDS:g} s of processor time")
    nested = it.value is not None and it.value.count(b"[") + it.value.count(b"{") > _NESTED
    again = _at_another_depth(lambda: _converted(it), _DEEPER if nested else 1)
    demand(_fingerprint(again) == _fingerprint(outcome), "convert is pure")
    if it.value is not None and len(it.value) <= it.options.max_record_bytes:
        unmapped_fields(VENDORS[it.vendor], it.value)
    check_trace(it.headers)
    match outcome:
        case Skip(reason):
            demand(reason in SKIP_REASONS, "a skip's reason is of the closed set")
            return Checked(f"skip {reason}", "", seconds)
        case Dead(reason, detail):
            demand(reason in DEAD_REASONS, "a dead letter's reason is of the closed set")
            # The detail of a bug names only the type of the error and its position in the source.
            demand(reason != "mapper_error", f"never mapper_error: {detail}")
            demand(_SENTINEL not in detail, "a detail has no text of the payload")
            demand(_DETAIL.fullmatch(detail) is not None, "a detail is a path and an expectation")
            check_dead_letter(it, outcome, _timestamp(it))
            return Checked(f"dead {reason}", detail, seconds)
        case Emit(events, left_out):
            demand(
                _fingerprint(_converted_field_by_field(it)) == _fingerprint(outcome),
                "both ways of reading say the same",
            )
            _check_emit(it, events, left_out)
            return Checked("emit", "", seconds)


def _converted(it: RecordInput) -> Outcome:
    return convert(VENDORS[it.vendor], it, f"vendor.{it.vendor}.users/3", it.options)


def _converted_field_by_field(it: RecordInput) -> Outcome:
    """Returns the outcome of the slow way, which is otherwise taken only if a field has a wrong type."""
    with plain_pass():
        return _converted(it)


def _at_another_depth(call: Callable[[], Outcome], frames: int) -> Outcome:
    return _at_another_depth(call, frames - 1) if frames else call()


def _fingerprint(outcome: Outcome) -> object:
    """Returns what tells two outcomes apart. In Python 1, 1.0 and True are equal."""
    if isinstance(outcome, Emit):
        return len(outcome.events), [encode_event(event) for event in _some(outcome.events)], outcome.left_out
    return outcome


def _some(events: list[NewEvent]) -> list[NewEvent]:
    if len(events) <= _EVENTS_CHECKED:
        return events
    return events[: _EVENTS_CHECKED - 2] + events[-2:]


def _check_emit(it: RecordInput, events: list[NewEvent], left_out: tuple[str, ...]) -> None:
    demand(bool(events), "an emit has events")
    demand(len({event.id for event in events}) == len(events), "every event of a message has its own id")
    open_names = VENDORS[it.vendor].open_names
    # A value that is too large has the name that it would have in the event.
    ours = CLAIMS | attributes_of(it.vendor) | set(Score.__struct_fields__) | set(Presence.__struct_fields__)
    for name in set(left_out) - names_read(it.vendor) - ours:
        demand(bool(open_names) and name.endswith(open_names), "left_out names members that are read")
    some = _some(events)
    encoded = [encode_event(event) for event in some]
    history = []
    for text in encoded:
        read = decode_event(text)
        demand(encode_event(read) == text, "an emitted event survives its encoding")
        demand(json.loads(text).keys() <= _MEMBERS, "any reader of JSON can read an emitted event")
        history.append(read)
        _check_envelope(it, read)
        _check_data(it, read)
    size = len(it.value or b"") + len(it.options.tenant) + sum(len(value or b"") for _, value in it.headers)
    most = _EVENT_BYTES + _REPEATS * size
    demand(all(len(text) <= most for text in encoded), "an event has little more than its message")
    check_history(history)


def _check_envelope(it: RecordInput, event: Event) -> None:
    demand(event.type in EVENT_TYPES, "the type is of the closed set")
    demand(event.vendor == it.vendor and bool(event.tenant), "vendor and tenant are told")
    vendor, tenant, subject = event.partitionkey.split("/")
    demand(unquote(tenant, errors="strict") == event.tenant, "the key tells the tenant")
    demand(unquote(subject, errors="strict") == event.data.user["sub"], "the key tells the user")
    demand((vendor, subject) == (event.vendor, event.subject), "the key tells vendor and subject")
    demand(_SOURCE.fullmatch(event.source or "") is not None, "the source is a URI-reference")
    demand(unquote(event.source or "") == f"/vendors/{vendor}/{event.tenant}", "the source tells the tenant")
    demand(_TIME.fullmatch(event.time) is not None, "times have one form")
    demand(event.origin == f"vendor.{it.vendor}.users/3/{it.offset}", "the origin is the record's")
    micros = parse_rfc3339(event.time)
    timestamp = _timestamp(it)
    latest = YEAR_10000 if timestamp < 0 else timestamp * 1000 + MICROS_PER_DAY
    demand((event.recordedtime is UNSET) == (timestamp < 0), "a record without a timestamp tells none")
    demand(micros is not None and YEAR_2000 <= micros <= latest, "no bad time is emitted")


def _timestamp(it: RecordInput) -> int:
    told = [value for name, value in it.headers if name.lower() == "x-original-timestamp"]
    if told and re.fullmatch(rb"-?[0-9]{1,15}", told[-1] or b""):
        return int(told[-1] or b"")
    return NO_TIMESTAMP if it.timestamp is None else it.timestamp


def _check_data(it: RecordInput, event: Event) -> None:
    data = event.data
    demand(data.user.keys() <= CLAIMS, "claims are OpenID Connect's")
    if event.type == "user.deleted":
        demand(data.user.keys() == {"sub"}, "a deletion carries the user's sub only")
        carried = (data.attributes, data.settings, data.previous, data.score, data.points, data.presence)
        demand(all(part is UNSET for part in carried), "a deletion carries nothing of the user")
        demand(data.status == "deleted" and data.deletion is not UNSET, "a deletion says so")
        demand(data.snapshot == "partial", "a deletion is partial")
    else:
        demand(data.status != "deleted" and data.deletion is UNSET, "only a deletion says deleted")
    if data.attributes is not UNSET:
        demand(data.attributes.keys() <= attributes_of(it.vendor), "attributes are on the allow-list")
        demand(
            None not in data.attributes.values() or data.snapshot == "partial",
            "null is for partial snapshots",
        )
    if data.snapshot == "full":
        demand(event.timesource != "record", "an event with the record's time is partial")
        demand(
            not any(value is None or value == "" for value in data.user.values()),
            "an absent claim is left out",
        )
