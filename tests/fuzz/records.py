"""What must hold of every record, whatever its bytes (contract, sections 2 and 3)."""

import json
import re
import time
from collections.abc import Callable
from typing import Final, NamedTuple
from urllib.parse import unquote

from msgspec import UNSET

from app.canonical import EVENT_TYPES, Event, Presence, Score, decode_event, encode_event
from app.deadletter import NO_TIMESTAMP
from app.outcome import DEAD_REASONS, SKIP_REASONS, Dead, Emit, Outcome, Skip
from app.times import MICROS_PER_DAY, YEAR_2000, YEAR_10000, parse_rfc3339
from app.vendors import VENDORS, convert
from app.vendors.census import names_not_mapped
from app.vendors.reading import Reader
from tests.fuzz.allowed import ATTRIBUTES, CLAIMS, names_read
from tests.fuzz.finding import demand
from tests.fuzz.inputs import RecordInput
from tests.fuzz.laws import check_history
from tests.fuzz.letters import check_letter, check_trace
from tests.fuzz.odd import SENTINEL

# For a body of at most 1 MiB, of which the worst that are known take about one second.
CPU_LIMIT_SECONDS: Final = 5.0
_SENTINEL: Final = SENTINEL.decode()
# A place and an expectation.
_DETAIL = re.compile(r"(\$[A-Za-z_.()|\[\]]*|the record's timestamp): expected [\w '.,-]{1,80}", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
_SOURCE = re.compile(r"(/([A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-F]{2})+){3}")
_MEMBERS: Final = frozenset(Event.__struct_fields__)
# Of a message with thousands of users these are looked at.
_EVENTS_CHECKED: Final = 12
# A caller's stack may be this much deeper: what is left of it must not be part of the outcome.
_DEEPER: Final = 100
_NESTED: Final = 300
# What an event holds besides its body (about 600 bytes), and how often it repeats an id of it.
_EVENT_BYTES: Final = 2048
_REPEATS: Final = 24


class Checked(NamedTuple):
    """For the tally: the outcome's name, its detail, and what `convert` took of the processor's time."""

    outcome: str
    detail: str
    seconds: float


def check_record(it: RecordInput) -> Checked:
    """Raises Finding, and whatever `convert` raises."""
    started = time.process_time()
    outcome = _converted(it)
    seconds = time.process_time() - started
    demand(seconds < CPU_LIMIT_SECONDS, f"convert takes less than {CPU_LIMIT_SECONDS:g} s of processor time")
    nested = it.value is not None and it.value.count(b"[") + it.value.count(b"{") > _NESTED
    again = _at_another_depth(lambda: _converted(it), _DEEPER if nested else 1)
    demand(_print(again) == _print(outcome), "convert is pure")
    if it.value is not None and len(it.value) <= it.options.max_record_bytes:
        names_not_mapped(VENDORS[it.vendor], it.value)
    check_trace(it.headers)
    match outcome:
        case Skip(reason):
            demand(reason in SKIP_REASONS, "a skip's reason is of the closed set")
            return Checked(f"skip {reason}", "", seconds)
        case Dead(reason, detail):
            demand(reason in DEAD_REASONS, "a dead letter's reason is of the closed set")
            # The detail of a bug names its type and its place in the source, nothing else.
            demand(reason != "mapper_error", f"never mapper_error: {detail}")
            demand(_SENTINEL not in detail, "a detail holds no text of the payload")
            demand(_DETAIL.fullmatch(detail) is not None, "a detail is a place and an expectation")
            check_letter(it, outcome, _timestamp(it))
            return Checked(f"dead {reason}", detail, seconds)
        case Emit(events, left_out):
            demand(
                _print(_converted_field_by_field(it)) == _print(outcome), "both ways of reading say the same"
            )
            _check_emit(it, events, left_out)
            return Checked("emit", "", seconds)


def _converted(it: RecordInput) -> Outcome:
    return convert(VENDORS[it.vendor], it, f"vendor.{it.vendor}.users/3", it.options)


def _converted_field_by_field(it: RecordInput) -> Outcome:
    """By the slow way, which is otherwise taken only where a field has a wrong type."""
    typed = Reader.typed
    Reader.typed = _refuses  # type: ignore[method-assign, assignment]
    try:
        return _converted(it)
    finally:
        Reader.typed = typed  # type: ignore[method-assign]


def _refuses(_reader: object, _raw: object) -> None:
    return None


def _at_another_depth(call: Callable[[], Outcome], frames: int) -> Outcome:
    return _at_another_depth(call, frames - 1) if frames else call()


def _print(outcome: Outcome) -> object:
    """What tells two outcomes apart; to Python 1, 1.0 and True are equal."""
    if isinstance(outcome, Emit):
        return len(outcome.events), [encode_event(event) for event in _some(outcome.events)], outcome.left_out
    return outcome


def _some(events: list[Event]) -> list[Event]:
    if len(events) <= _EVENTS_CHECKED:
        return events
    return events[: _EVENTS_CHECKED - 2] + events[-2:]


def _check_emit(it: RecordInput, events: list[Event], left_out: tuple[str, ...]) -> None:
    demand(bool(events), "an emit has events")
    demand(len({event.id for event in events}) == len(events), "every event of a message has its own id")
    open_names = VENDORS[it.vendor].open_names
    # What is too large is named as the event would have named it.
    ours = CLAIMS | ATTRIBUTES[it.vendor] | set(Score.__struct_fields__) | set(Presence.__struct_fields__)
    for name in set(left_out) - names_read(it.vendor) - ours:
        demand(bool(open_names) and name.endswith(open_names), "left_out names members that are read")
    some = _some(events)
    encoded = [encode_event(event) for event in some]
    history = []
    for event, text in zip(some, encoded, strict=True):
        read = decode_event(text)
        demand(encode_event(read) == text, "an emitted event survives its encoding")
        demand(json.loads(text).keys() <= _MEMBERS, "any reader of JSON can read an emitted event")
        history.append(read)
        _check_envelope(it, event)
        _check_data(it, event)
    size = len(it.value or b"") + len(it.options.tenant) + sum(len(value or b"") for _, value in it.headers)
    most = _EVENT_BYTES + _REPEATS * size
    demand(all(len(text) <= most for text in encoded), "an event holds little more than its message")
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
    demand((event.recordedtime is UNSET) == (timestamp < 0), "what has no timestamp tells none")
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
        demand(data.user.keys() == {"sub"}, "a deletion carries of the user its sub only")
        carried = (data.attributes, data.settings, data.previous, data.score, data.points, data.presence)
        demand(all(part is UNSET for part in carried), "a deletion carries nothing of the user")
        demand(data.status == "deleted" and data.deletion is not UNSET, "a deletion says so")
        demand(data.snapshot == "partial", "a deletion is partial")
    else:
        demand(data.status != "deleted" and data.deletion is UNSET, "only a deletion says deleted")
    if data.attributes is not UNSET:
        demand(data.attributes.keys() <= ATTRIBUTES[it.vendor], "attributes are on the allow-list")
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
