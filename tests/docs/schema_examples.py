"""The examples in docs/schemas/asyncapi.json: records of fixtures, and what becomes of them."""

import json
from collections import defaultdict
from collections.abc import Collection
from typing import Any, Final

from app.canonical import CONTENT_TYPE_HEADER, EVENT_TYPES, decode_event
from app.outcome import Emit
from app.state import DeletedUser, apply, changed_loyalty, changed_user, encode_loyalty, encode_user
from app.vendors import VENDORS, convert
from tests.docs.dead_letter_example import dead_letter_headers
from tests.vendors.fixtures import Fixture, fixtures_of

Json = dict[str, Any]

# A longer body would hide what is around it.
_LONGEST: Final = 2500
_DEAD: Final = "a-subject-that-says-nothing-is-dead"


def examples(messages: Collection[str]) -> dict[str, list[Json]]:
    """Returns the examples of each message of the AsyncAPI document. `messages`: their names."""
    found: defaultdict[str, list[Json]] = defaultdict(list)
    events: dict[str, Fixture] = {}
    for vendor in VENDORS:
        for name, fixture in _whole_fixtures(vendor).items():
            message = f"{vendor}-{name}"
            found[message if message in messages else f"{vendor}-body"].append(_of_record(fixture))
            events.setdefault(fixture.outcome["events"][0]["type"], fixture)
    content_type, value = CONTENT_TYPE_HEADER
    for event_type in EVENT_TYPES:
        fixture = events[event_type]
        event = fixture.outcome["events"][0]
        found["event"].append(_example(fixture.sentence, {content_type: value.decode()}, event))
        _add_rows(found, fixture, event)
    dead = next(each for each in fixtures_of("magine") if each.sentence == _DEAD)
    headers = {**_headers(dead), **dead_letter_headers(dead)}
    found["dead-letter"].append(_example(dead.sentence, headers, (dead.value or b"").decode()))
    for table in ("users", "loyalty"):
        found[f"{table}-tombstone"].append(_example("no-row-any-more", {"changed": ""}, None))
    return dict(found)


def _whole_fixtures(vendor: str) -> dict[str, Fixture]:
    """Returns for each event of a vendor, by the vendor's name of it, the fixture that says most: of those of
    one user from which nothing is left out, the one with the longest event."""
    best: dict[str, Fixture] = {}
    for fixture in fixtures_of(vendor):
        outcome = convert(VENDORS[vendor], fixture, fixture.partition, fixture.options)
        if isinstance(outcome, Emit) and not outcome.left_out and _is_short(fixture):
            name = fixture.outcome["events"][0]["vendortype"]
            if name not in best or _size(fixture) > _size(best[name]):
                best[name] = fixture
    return best


def _is_short(fixture: Fixture) -> bool:
    return len(fixture.value or b"") <= _LONGEST and len(fixture.outcome["events"]) == 1


def _size(fixture: Fixture) -> int:
    return len(json.dumps(fixture.outcome["events"][0]["data"]))


def _add_rows(found: defaultdict[str, list[Json]], fixture: Fixture, event: Json) -> None:
    """Adds the rows that the event alone makes, to each message once."""
    user, loyalty, _ = apply(decode_event(json.dumps(event).encode()), None, None)
    if user is not None:
        message = "deletion-marker" if isinstance(user, DeletedUser) else "user-row"
        headers = {"changed": changed_user(None, user, None, encode_user(user)).decode()}
        _add_first(found[message], _example(fixture.sentence, headers, json.loads(encode_user(user))))
    if loyalty is not None:
        headers = {"changed": changed_loyalty(None, loyalty).decode()}
        _add_first(
            found["loyalty-row"], _example(fixture.sentence, headers, json.loads(encode_loyalty(loyalty)))
        )


def _add_first(examples_of_row: list[Json], example: Json) -> None:
    if not examples_of_row:
        examples_of_row.append(example)


def _of_record(fixture: Fixture) -> Json:
    return _example(fixture.sentence, _headers(fixture), json.loads(fixture.value or b""))


def _headers(fixture: Fixture) -> dict[str, str]:
    return {name: value.decode() for name, value in fixture.headers}


def _example(name: str, headers: dict[str, str], payload: Any) -> Json:
    return {"name": name, **({"headers": headers} if headers else {}), "payload": payload}
