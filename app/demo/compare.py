"""Compares what there is with what the stories say, line by line."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, assert_never

from msgspec import Struct

from app.demo.look import Letter, Seen
from app.demo.publish import Sent
from app.demo.story import RECORDED, TOMBSTONE, Body, Dies, Emits, Rows, Said, Skips, Story
from app.outcome import DEAD_REASONS, SKIP_REASONS
from app.state import EFFECTS

NOTHING: Final = "nothing"


class Check(Struct, frozen=True):
    """One line: what the story says, and what was found, both as text for people."""

    what: str
    expected: str
    found: str

    @property
    def ok(self) -> bool:
        return self.expected == self.found


def compare(stories: tuple[Story, ...], sent: Sequence[Sent], seen: Seen, recorded: str) -> list[Check]:
    """Every line there is to compare. `recorded`: the records' timestamp as rows would have it."""
    checks = [*_outcomes(sent, seen), *_letters(sent, seen)]
    for story in stories:
        checks += _counts(story, seen)
        checks += _reasons(story, seen)
    checks += _totals(stories, sent, seen)
    checks += _rows(stories, seen, recorded)
    checks += [
        Check(f"{topic}: committed", str(position.end), str(position.committed))
        for topic, position in seen.positions.items()
    ]
    return checks


def _outcomes(sent: Sequence[Sent], seen: Seen) -> Iterator[Check]:
    """Of each body what became of it, found by its place in the topic: each event and dead letter names
    the record that it is of."""
    events: dict[str, list[str]] = {}
    for event in seen.events:
        events.setdefault(event["origin"], []).append(f"{event['type']} of {event['data']['user']['sub']}")
    letters: dict[str, list[str]] = {}
    for letter in seen.letters:
        letters.setdefault(letter.origin, []).append(f"dead, {letter.reason}")
    for each in sent:
        found = [*sorted(events.pop(each.origin, [])), *letters.pop(each.origin, [])]
        what = f"{each.story.vendor}: {each.body.text}"
        yield Check(what, _expected_outcome(each.body), ", ".join(found) or NOTHING)
    for origin in {*events, *letters}:
        yield Check(f"of {origin}, which nobody sent", NOTHING, "something")


def _expected_outcome(body: Body) -> str:
    match body.outcome:
        case Emits(said):
            return ", ".join(sorted(f"{each.type} of {each.sub}" for each in said))
        case Skips():
            return NOTHING
        case Dies(reason):
            return f"dead, {reason}"
        case _:
            assert_never(body.outcome)


def _letters(sent: Sequence[Sent], seen: Seen) -> Iterator[Check]:
    """A dead letter is the record itself, and its detail points at the place."""
    letters: dict[str, Letter] = {letter.origin: letter for letter in seen.letters}
    for each in sent:
        letter = letters.get(each.origin)
        if isinstance(each.body.outcome, Dies) and letter is not None:
            what = f"{each.story.vendor}: dead letter, {each.body.text}"
            place = each.body.outcome.place
            yield Check(f"{what}: place", place, _place(letter.detail))
            same = letter.value == each.body.value and letter.key == each.body.key
            yield Check(
                f"{what}: key and bytes", "the original ones", "the original ones" if same else "others"
            )
            yield Check(f"{what}: vendor", each.story.vendor, letter.vendor)


def _place(detail: str) -> str:
    """The detail without its expectation: `$.data.id: expected str`."""
    return detail.partition(":")[0]


def _counts(story: Story, seen: Seen) -> Iterator[Check]:
    """The accounting identity by the worker's own counters, and both sides by the story's."""
    vendor, counts = story.vendor, story.counts
    received = seen.total("rollcall_records_received_total", vendor=vendor)
    outcomes = {
        outcome: seen.total("rollcall_records_total", vendor=vendor, outcome=outcome)
        for outcome in ("emit", "skip", "dead")
    }
    yield Check(f"{vendor}: received", str(counts.received), str(received))
    yield Check(f"{vendor}: emitted", str(counts.emitted), str(outcomes["emit"]))
    yield Check(f"{vendor}: skipped", str(counts.skipped), str(outcomes["skip"]))
    yield Check(f"{vendor}: dead", str(counts.dead), str(outcomes["dead"]))
    yield Check(f"{vendor}: emitted + skipped + dead", str(received), str(sum(outcomes.values())))
    counted = seen.total("rollcall_canonical_events_total", vendor=vendor)
    yield Check(f"{vendor}: canonical events counted", str(counts.events), str(counted))
    events = [event for event in seen.events if event["vendor"] == vendor]
    yield Check(f"{vendor}: canonical events", str(counts.events), str(len(events)))
    distinct = {(event["source"], event["id"]) for event in events}
    yield Check(f"{vendor}: distinct (source, id)", str(counts.distinct), str(len(distinct)))


def _reasons(story: Story, seen: Seen) -> Iterator[Check]:
    """How often each reason of a skip or a dead letter."""
    expected: Counter[tuple[str, str]] = Counter()
    for body in story.bodies:
        match body.outcome:
            case Skips(reason):
                expected["skip", reason] += 1
            case Dies(reason):
                expected["dead", reason] += 1
            case Emits():
                pass
            case _:
                assert_never(body.outcome)
    pairs = [*(("skip", reason) for reason in SKIP_REASONS), *(("dead", reason) for reason in DEAD_REASONS)]
    for outcome, reason in pairs:
        found = seen.total("rollcall_records_total", vendor=story.vendor, outcome=outcome, reason=reason)
        what = f"{story.vendor}: {outcome}, {reason}"
        yield Check(what, str(expected[outcome, reason]), str(found))


def _totals(stories: tuple[Story, ...], sent: Sequence[Sent], seen: Seen) -> Iterator[Check]:
    """What is counted over all vendors: sent and dead letters, and what the events did to the rows."""
    yield Check("records sent", str(sum(story.counts.received for story in stories)), str(len(sent)))
    yield Check("dead letters", str(sum(story.counts.dead for story in stories)), str(len(seen.letters)))
    effects: Counter[str] = Counter(said.effect for story in stories for said in said_in(story))
    for effect in EFFECTS:
        found = seen.total("rollcall_table_effects_total", effect=effect)
        yield Check(f"effect on the rows: {effect}", str(effects[effect]), str(found))
    refused = seen.total("rollcall_canonical_records_dead_total")
    yield Check("canonical records refused", "0", str(refused))


def said_in(story: Story) -> Iterator[Said]:
    for body in story.bodies:
        if isinstance(body.outcome, Emits):
            yield from body.outcome.events


def _rows(stories: tuple[Story, ...], seen: Seen, recorded: str) -> Iterator[Check]:
    expected: dict[str, Rows] = {
        story.key_prefix + rows.sub: rows for story in stories for rows in story.rows
    }
    for key in sorted({*expected, *seen.users, *seen.loyalty}):
        rows = expected.get(key)
        user, loyalty = (rows.user, rows.loyalty) if rows else (None, None)
        yield from _row(f"users {key}", user, _last(key, seen.users), recorded)
        yield from _row(f"loyalty {key}", loyalty, _last(key, seen.loyalty), recorded)


Row = Mapping[str, Any] | str | None
"""As in a story: a row, TOMBSTONE, or None where the key was never seen."""


def _last(key: str, rows: Mapping[str, Mapping[str, Any] | None]) -> Row:
    row = rows.get(key)
    return TOMBSTONE if row is None and key in rows else row


def _row(what: str, expected: Row, found: Row, recorded: str) -> Iterator[Check]:
    """A line for each member of the row, so that a difference shows where it is."""
    yield Check(what, _kind(expected), _kind(found))
    stated, held = _members(expected), _members(found)
    for member in {**stated, **held}:
        value = recorded if stated.get(member) == RECORDED else stated.get(member)
        yield Check(f"{what}: {member}", _text(value), _text(held.get(member)))


def _kind(row: Row) -> str:
    if row is None:
        return "no row"
    return row if isinstance(row, str) else "a row"


def _members(row: Row) -> Mapping[str, Any]:
    return row if isinstance(row, Mapping) else {}


def _text(value: object) -> str:
    """Compact JSON, so that 1 and true differ and the order of members does not matter."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
