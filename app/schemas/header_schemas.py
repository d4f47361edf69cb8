"""The headers of the records on each topic, each as an object of texts by the names of the headers."""

from typing import Final, NamedTuple

from app.canonical import CONTENT_TYPE_HEADER
from app.dead_letters import CONNECT_ERRORS, SourceRecord, our_headers
from app.engine import CHANGED, REPAIRED
from app.outcome import DEAD_REASONS, Dead
from app.schemas.struct_schema import Json, described, document
from app.trace_headers import TRACE_HEADERS
from app.vendors import VENDORS, Vendor
from app.vendors.needed import RFC_3339

_TEXT: Final[Json] = {"type": "string"}
_COUNT: Final[Json] = {"type": "string", "pattern": "^[0-9]+$"}
_TIMESTAMP: Final[Json] = {"type": "string", "pattern": "^-?[0-9]{1,15}$"}

_TRACE: Final = "W3C trace context, as the vendor's record had it."
_READ_FROM: Final = (*VENDORS, "canonical", "changelog")
_FORMS: Final[dict[str, Json]] = {
    f"{CONNECT_ERRORS}partition": _COUNT,
    f"{CONNECT_ERRORS}offset": _COUNT,
    f"{CONNECT_ERRORS}task.id": {"const": "0"},
    f"{CONNECT_ERRORS}stage": {"enum": ["VALUE_CONVERTER", "TRANSFORMATION"]},
    f"{CONNECT_ERRORS}class.name": {"enum": [f"rollcall.{name}" for name in _READ_FROM]},
    f"{CONNECT_ERRORS}exception.class.name": {"enum": [f"rollcall.{reason}" for reason in DEAD_REASONS]},
    "x-reason": {"enum": list(DEAD_REASONS)},
    "x-vendor": {"enum": list(_READ_FROM)},
    "x-attempt": _COUNT,
    "x-original-timestamp": _TIMESTAMP,
    "x-first-failed-at": RFC_3339,
    "x-truncated": {"const": "true"},
}
_TEXTS: Final = {
    f"{CONNECT_ERRORS}topic": "The topic of the original.",
    f"{CONNECT_ERRORS}partition": "The partition of the original.",
    f"{CONNECT_ERRORS}offset": "The offset of the original.",
    f"{CONNECT_ERRORS}connector.name": "The worker's APP_ID.",
    f"{CONNECT_ERRORS}task.id": "Always `0`.",
    f"{CONNECT_ERRORS}stage": "What failed: the decoding, or what is made of the record afterwards.",
    f"{CONNECT_ERRORS}class.name": "`rollcall.` and `x-vendor`.",
    f"{CONNECT_ERRORS}exception.class.name": "`rollcall.` and `x-reason`.",
    f"{CONNECT_ERRORS}exception.message": "As `x-detail`.",
    "x-reason": "Why the record cannot be used.",
    "x-detail": "The place in the record and what was expected there, never what was found.",
    "x-vendor": "The vendor, or which of Rollcall's own topics the record was read from.",
    "x-attempt": "1, and one more each time that the record is sent in again and is dead again.",
    "x-original-timestamp": "The record's timestamp in milliseconds since 1970, -1 if it has none.",
    "x-worker-version": "The version that judged the record.",
    "x-first-failed-at": "When the record was dead for the first time, RFC 3339.",
    "x-truncated": "The dead letter is not the whole record.",
}


class _NoRecord(NamedTuple):
    """A record of which only the headers of its dead letter are of interest."""

    offset: int = 0
    timestamp: int = 0
    key: bytes | None = None
    value: bytes | None = None
    headers: tuple[tuple[str, bytes | None], ...] = ()


def dead_letter_headers_schema() -> Json:
    """Returns the schema document of the headers that a dead letter has beside those of its original."""
    dead, source = Dead(DEAD_REASONS[0], ""), SourceRecord("", 0, 0, next(iter(VENDORS)))
    always = [name for name, _ in our_headers(_NoRecord(), source, dead, app_id="", now=0)]
    members = {name: _FORMS.get(name, _TEXT) for name in (*always, "x-truncated")}
    schema: Json = {"type": "object", "properties": members, "required": always}
    described(schema, _TEXTS)
    text = (
        "The headers of a record on the dead-letter topic as texts, by name. The headers of the original come"
        " first and stay as they are."
    )
    return document("urn:rollcall:dead-letter-headers", "The headers of a dead letter", text, schema, {})


def vendor_headers_schema(vendor: Vendor) -> Json:
    """Returns the schema of the headers of a vendor's record. All of them are optional."""
    texts = {
        "tenant": "Whose user this is; it wins over what the body says.",
        "x-original-timestamp": "The record's timestamp in milliseconds, if the record is sent again.",
        **{name: f"From the vendor's delivery: {meaning}." for name, meaning in vendor.headers.items()},
        **dict.fromkeys(TRACE_HEADERS, "W3C trace context; the event's record takes it over."),
        "x-attempt": "Set on a dead letter that is sent in again.",
    }
    forms = {"x-original-timestamp": _TIMESTAMP, "x-attempt": _COUNT}
    return {"type": "object", "properties": _texts(texts, forms)}


def event_headers_schema() -> Json:
    """Returns the schema of the headers of a record on the canonical topic."""
    name, value = CONTENT_TYPE_HEADER
    texts = {name: "CloudEvents in structured mode.", **dict.fromkeys(TRACE_HEADERS, _TRACE)}
    members = _texts(texts, {name: {"const": value.decode()}})
    return {"type": "object", "properties": members, "required": [name]}


def row_headers_schema() -> Json:
    """Returns the schema of the headers of a record on a changelog."""
    texts = {
        CHANGED: "The names of the registers whose values have changed, sorted and with commas between them.",
        REPAIRED: "The record is written over garbage, whose offset this is.",
    }
    return {"type": "object", "properties": _texts(texts, {REPAIRED: _COUNT}), "required": [CHANGED]}


def _texts(texts: dict[str, str], forms: dict[str, Json]) -> dict[str, Json]:
    return {name: {"description": text, **forms.get(name, _TEXT)} for name, text in texts.items()}
