"""Compares what the worker wrote with what the stories expect, line by line."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, assert_never

from msgspec import Struct

from app.demo.look import DeadLetter, Seen
from app.demo.publish import Sent
from app.demo.story import RECORDED, TOMBSTONE, Dies, Emits, ExpectedRows, Said, Skips, Story, StoryRecord
from app.outcome import DEAD_REASONS, SKIP_REASONS
from app.state import EFFECTS

NOTHING: Final = "nothing"


class Check(Struct, frozen=True):
    """One line: what the story expects, and what was found, both as text for people."""

    what: str
    expected: str
    found: str

    @property
    def ok(self) -> bool:
        return self.expected == self.found


def compare(stories: tuple[Story, ...], sent: Sequence[Sent], seen: Seen, recorded: str) -> list[Check]:
    """Returns all comparisons. `recorded`: the timestamp of the records, in the form in which rows have
    it."""
    checks = [*_outcomes(sent, seen), *_dead_letters(sent, seen)]
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
    """Yields a line for each record: which events or dead letter it became. Each of these names its record in
    `origin`."""
    events: dict[str, list[str]] = {}
    for event in seen.events:
        events.setdefault(event["origin"], []).append(f"{event['type']} of {event['data']['user']['sub']}")
    dead_letters: dict[str, list[str]] = {}
    for dead_letter in seen.dead_letters:
        dead_letters.setdefault(dead_letter.origin, []).append(f"dead, {dead_letter.reason}")
    for each in sent:
        found = [*sorted(events.pop(each.origin, [])), *dead_letters.pop(each.origin, [])]
        what = f"{each.story.vendor}: {each.body.text}"
        yield Check(what, _expected_outcome(each.body), ", ".join(found) or NOTHING)
    for origin in {*events, *dead_letters}:
        yield Check(f"of {origin}, which nobody sent", NOTHING, "something")


def _expected_outcome(body: StoryRecord) -> str:
    match body.outcome:
        case Emits(said):
            return ", ".join(sorted(f"{each.type} of {each.sub}" for each in said))
        case Skips():
            return NOTHING
        case Dies(reason):
            return f"dead, {reason}"
        case _:
            assert_never(body.outcome)


def _dead_letters(sent: Sequence[Sent], seen: Seen) -> Iterator[Check]:
    """Yields lines for each dead letter: it has the key and bytes of the record, and its detail begins with
    the expected path."""
    dead_letters: dict[str, DeadLetter] = {
        dead_letter.origin: dead_letter for dead_letter in seen.dead_letters
    }
    for each in sent:
        dead_letter = dead_letters.get(each.origin)
        if isinstance(each.body.outcome, Dies) and dead_letter is not None:
            what = f"{each.story.vendor}: dead letter, {each.body.text}"
            yield Check(f"{what}: path", each.body.outcome.path, _path(dead_letter.detail))
            same = dead_letter.value == each.body.value and dead_letter.key == each.body.key
            yield Check(
                f"{what}: key and bytes", "the original ones", "the original ones" if same else "others"
            )
            yield Check(f"{what}: vendor", each.story.vendor, dead_letter.vendor)


def _path(detail: str) -> str:
    """Returns the path that a detail begins with, here `$.data.id`: `$.data.id: expected str`."""
    return detail.partition(":")[0]


def _counts(story: Story, seen: Seen) -> Iterator[Check]:
    """Yields lines for received = emitted + skipped + dead, by the worker's own counters, and for each of
    these numbers against the story."""
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
    """Yields a line for each reason: how many records were skipped or dead for it."""
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
    """Yields lines for what is counted over all vendors: records that were sent, dead letters, and what the
    events did to the rows."""
    yield Check("records sent", str(sum(story.counts.received for story in stories)), str(len(sent)))
    yield Check("dead letters", str(sum(story.counts.dead for story in stories)), str(len(seen.dead_letters)))
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
    expected: dict[str, ExpectedRows] = {
        story.key_prefix + rows.sub: rows for story in stories for rows in story.rows
    }
    for key in sorted({*expected, *seen.users, *seen.loyalty}):
        rows = expected.get(key)
        user, loyalty = (rows.user, rows.loyalty) if rows else (None, None)
        yield from _row(f"users {key}", user, _last(key, seen.users), recorded)
        yield from _row(f"loyalty {key}", loyalty, _last(key, seen.loyalty), recorded)


Row = Mapping[str, Any] | str | None
"""As in a story: a row, TOMBSTONE, or None if the key was never seen."""


def _last(key: str, rows: Mapping[str, Mapping[str, Any] | None]) -> Row:
    row = rows.get(key)
    return TOMBSTONE if row is None and key in rows else row


def _row(what: str, expected: Row, found: Row, recorded: str) -> Iterator[Check]:
    """Yields a line for each member of the row, so that a difference is shown at its member."""
    yield Check(what, _kind(expected), _kind(found))
    in_story, in_table = _members(expected), _members(found)
    for member in {**in_story, **in_table}:
        value = recorded if in_story.get(member) == RECORDED else in_story.get(member)
        yield Check(f"{what}: {member}", _text(value), _text(in_table.get(member)))


def _kind(row: Row) -> str:
    if row is None:
        return "no row"
    return row if isinstance(row, str) else "a row"


def _members(row: Row) -> Mapping[str, Any]:
    return row if isinstance(row, Mapping) else {}


def _text(value: object) -> str:
    """Returns compact JSON, so that 1 and true differ and the order of members does not matter."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
