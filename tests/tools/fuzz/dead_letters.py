"""What must be true of the dead letter of every dead record (docs/dead-letters.md#headers)."""

from collections import Counter
from typing import Final, NamedTuple

from app.dead_letters import (
    NO_TIMESTAMP,
    TRUNCATED_BYTES,
    Headers,
    PreparedDeadLetter,
    SourceRecord,
    our_headers,
)
from app.engine.producer.refusals import NoAnswer, Refusal, Written
from app.outcome import Dead
from app.times import parse_rfc3339
from app.topics import DEAD_LETTER_BYTES, OutputTopic
from app.trace_headers import trace_headers
from tests.tools.fuzz.finding import demand
from tests.tools.fuzz.hostile_values import SENTINEL
from tests.tools.fuzz.inputs import RecordInput

_APP: Final = "rollcall"
_NOW: Final = 1_763_700_000_000_000
_ERRORS: Final = "__connect.errors."
_POSITION: Final = tuple(_ERRORS + name for name in ("topic", "partition", "offset"))
_ALWAYS: Final = frozenset(
    {
        *_POSITION,
        *(
            _ERRORS + name
            for name in (
                "connector.name",
                "task.id",
                "stage",
                "class.name",
                "exception.class.name",
                "exception.message",
            )
        ),
        *("x-reason", "x-detail", "x-vendor", "x-attempt", "x-first-failed-at", "x-original-timestamp"),
        "x-worker-version",
    }
)
# The largest size of our own headers, in bytes. A topic that cannot take them can take no dead letter at all.
_SMALLEST: Final = 8 << 10
_DIGITS: Final = 15
_TRACES: Final[tuple[list[str], ...]] = ([], ["traceparent"], ["tracestate"], ["traceparent", "tracestate"])
_TRACE_BYTES: Final = 4096
_SIZES: Final = (DEAD_LETTER_BYTES, 1 << 20, 70_000, _SMALLEST)


class _Read(NamedTuple):
    """A record, or a dead letter that was sent in again, in the form in which the consumer gives it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


def check_dead_letter(given: RecordInput, dead: Dead, timestamp: int) -> None:
    """Raises Finding, and every error of the writer of dead letters. `timestamp`: that of the record."""
    # The engine gives -1 if a record has no timestamp (app/engine/record_batches/open_batches.py).
    kafkas = NO_TIMESTAMP if given.timestamp is None else given.timestamp
    it = _Read(given.offset, kafkas, given.key, given.value, given.headers)
    origin = SourceRecord(f"vendor.{given.vendor}.users", 3, it.offset, given.vendor)
    ours = _text(our_headers(it, origin, dead, app_id=_APP, now=_NOW))
    demand(
        int(ours["x-original-timestamp"] or b"") == max(timestamp, NO_TIMESTAMP),
        "a dead letter tells its time",
    )
    size = len(it.key or b"") + len(it.value or b"") + sum(map(OutputTopic.size_of, it.headers))
    own = size + sum(map(OutputTopic.size_of, ours.items()))
    # Limits around the size at which the whole dead letter just fits. Each record gets one of them, because
    # dead letters take more time than everything else that is done with a small record.
    sizes = (*_SIZES, *(max(own + more, _SMALLEST) for more in (99, 100)))
    target = OutputTopic("rollcall.dead-letters", 6, sizes[size % len(sizes)])
    forms = _forms(it, origin, dead, target, Refusal.SIZE)
    demand((len(forms) == 3) == _fits_whole(it, ours, target), "a dead letter is whole if that fits")
    for written in (forms[0], forms[-1]):
        _check_form(it, origin, dead, written)
    demand(all(target.fits(*form) for form in forms), "a dead letter fits its topic")
    if size % 8 == 0:
        keyed = _forms(it, origin, dead, target, Refusal.FORM)
        demand(keyed[-1].key is not None, "a topic that wants a key gets one")


def check_trace(headers: Headers) -> None:
    """Checks which headers of its record an event has (docs/events.md#headers)."""
    taken = trace_headers(headers)
    names = [name for name, _ in taken]
    demand(names in _TRACES, "an event has only the trace of its record, each header once")
    given = _text(headers)
    for name, value in taken:
        demand(value == given[name], "if a header repeats, the last value wins")
        text = value or b""
        whole = text.decode("utf-8", "ignore").encode() == text
        demand(whole and 0 < len(text) <= _TRACE_BYTES, "a trace is text of a usual size")


def _fits_whole(it: _Read, ours: dict[str, bytes | None], target: OutputTopic) -> bool:
    given = [header for header in it.headers if not _is_ours(header[0])]
    return target.fits(it.key, it.value, [*given, *ours.items()])


def _forms(
    it: _Read, origin: SourceRecord, dead: Dead, target: OutputTopic, refusal: Refusal
) -> list[Written]:
    """Returns all forms of the dead letter, the largest first, as if the broker refused each of them."""
    dead_letter = PreparedDeadLetter(it, origin, dead, target, _APP)
    forms = [dead_letter.first]
    while len(forms) < 10:
        try:
            forms.append(dead_letter.refused(forms[-1], refusal))
        except NoAnswer:
            return forms
    demand(False, "a dead letter has a smallest form")
    return forms


def _check_form(it: _Read, origin: SourceRecord, dead: Dead, written: Written) -> None:
    names = Counter(name.lower() for name, _ in written.headers)
    truncated = names["x-truncated"] == 1
    demand(all(names[name] == 1 for name in _ALWAYS), "a dead letter has each header of ours once")
    extra = {name for name in names if name.startswith(_ERRORS)} - _ALWAYS
    demand(not extra and names["x-truncated"] <= 1, "a dead letter has no other headers by names of ours")
    ours = _text([header for header in written.headers if _is_ours(header[0])])
    detail = (ours["x-detail"] or b"") + (ours["x-reason"] or b"")
    demand(SENTINEL not in detail, "a dead letter's reason has no text of the payload")
    originals = [header for header in written.headers if not _is_ours(header[0])]
    given = [header for header in it.headers if not _is_ours(header[0])]
    whole = (written.key, written.value, originals) == (it.key, it.value, given)
    was_truncated = _text(it.headers).get("x-truncated") == b"true"
    demand(truncated or whole, "a dead letter that is not whole says so")
    remaining = iter(given)
    demand(all(header in remaining for header in originals), "a dead letter's headers are the original ones")
    demand(
        _is_start(written.key, it.key) and _is_start(written.value, it.value), "a dead letter keeps a start"
    )
    position = tuple(ours[name] for name in _POSITION)
    here = (origin.topic.encode(), b"%d" % origin.partition, b"%d" % origin.offset)
    demand(position == here or was_truncated, "a dead letter tells the position of its record")
    _check_again(dead, origin, written, ours)


def _check_again(dead: Dead, origin: SourceRecord, written: Written, ours: dict[str, bytes | None]) -> None:
    """Checks the dead letter that is written if this one is sent in as it is, at another position and time,
    and is dead again."""
    again = _Read(origin.offset ^ 1, _NOW // 1000 + 7, written.key, written.value, list(written.headers))
    there = SourceRecord(origin.topic, 5, again.offset, origin.vendor)
    later = _text(our_headers(again, there, dead, app_id=_APP, now=_NOW + 10**9))
    attempt = int(ours["x-attempt"] or b"")
    demand(attempt >= 1, "attempts are counted from one")
    if attempt < 10**9:
        demand(
            later["x-attempt"] == b"%d" % (attempt + 1),
            "a dead letter that is dead again counts its attempts",
        )
    first = ours["x-first-failed-at"] or b""
    demand(parse_rfc3339(first.decode()) is not None, "the first failure has a time")
    demand(later["x-first-failed-at"] == first, "a dead letter that is dead again keeps its first failure")
    told = ours["x-original-timestamp"] or b""
    # Kafka's own timestamp may have more digits than the header may (docs/events.md#timestamp).
    if len(told) <= _DIGITS:
        demand(later["x-original-timestamp"] == told, "a dead letter that is dead again keeps its time")
    if ours.get("x-truncated"):
        demand(later.get("x-truncated") == b"true", "what was truncated stays so")
        demand(all(later[name] == ours[name] for name in _POSITION), "what was truncated keeps its position")


def _is_start(part: bytes | None, whole: bytes | None) -> bool:
    if part is None or whole is None:
        return part is None
    return whole == part or (len(part) <= TRUNCATED_BYTES and whole.startswith(part))


def _is_ours(name: str) -> bool:
    lower = name.lower()
    return lower in _ALWAYS or lower == "x-truncated" or lower.startswith(_ERRORS)


def _text(headers: Headers) -> dict[str, bytes | None]:
    """Returns the last value of each header, by its lower-case name."""
    return {name.lower(): value for name, value in headers}
