"""The stories without Kafka: what a correct worker would have written."""

import json
from collections import Counter
from typing import Any, Final, NamedTuple

from app.canonical import Event, decode_event, encode_event
from app.demo.look import DeadLetter, Position, Sample, Seen
from app.demo.publish import Sent
from app.demo.story import Story, StoryRecord
from app.outcome import Dead, Emit, Skip
from app.state import NO_ROWS, Rows, apply, encode_loyalty, encode_user
from app.vendors import VENDORS, Options, convert
from tests.vendors.records import as_read

# 2026-01-05T12:00:00.500Z
RECORDED_MS: Final = 1_767_614_400_500
RECORDED: Final = "2026-01-05T12:00:00.500000Z"


class Line(NamedTuple):
    """A record in the form that `convert` needs."""

    offset: int
    timestamp: int
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


def rehearse(stories: tuple[Story, ...]) -> tuple[list[Sent], Seen]:
    """Returns what was sent, and what became of it: all bodies go through `convert` and `apply`, and each
    topic has one partition."""
    stage = _Stage()
    for act in (0, 1):
        for story in stories:
            for body in story.acts()[act]:
                stage.tell(story, body)
    return stage.sent, stage.seen()


class _Stage:
    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self._offsets: Counter[str] = Counter()
        self._counts: Counter[tuple[tuple[str, str], ...]] = Counter()
        self._events: list[dict[str, Any]] = []
        self._dead_letters: list[DeadLetter] = []
        self._rows: dict[str, Rows] = {}
        self._loyal: set[str] = set()

    def tell(self, story: Story, body: StoryRecord) -> None:
        partition = f"vendor.{story.vendor}.users/0"
        offset = self._offsets[partition]
        self._offsets[partition] += 1
        origin = f"{partition}/{offset}"
        self.sent.append(Sent(story, body, origin))
        self._count("rollcall_records_received_total", vendor=story.vendor)
        line = Line(offset, RECORDED_MS, body.value, body.headers)
        options = Options(tenant=story.tenant_setting) if story.tenant_setting else Options()
        outcome = convert(VENDORS[story.vendor], line, partition, options)
        match outcome:
            case Emit(events):
                self._count("rollcall_records_total", vendor=story.vendor, outcome="emit", reason="")
                for event in events:
                    self._emitted(as_read(event))
            case Skip(reason):
                self._count("rollcall_records_total", vendor=story.vendor, outcome="skip", reason=reason)
            case Dead(reason, detail):
                self._count("rollcall_records_total", vendor=story.vendor, outcome="dead", reason=reason)
                self._dead_letters.append(
                    DeadLetter(origin, story.vendor, reason, detail, body.key, body.value)
                )

    def _emitted(self, event: Event) -> None:
        encoded = encode_event(event)
        self._events.append(json.loads(encoded))
        self._count("rollcall_canonical_events_total", vendor=event.vendor, type=event.type)
        key = event.partitionkey
        user, loyalty, effect = apply(decode_event(encoded), *self._rows.get(key, NO_ROWS))
        self._rows[key] = Rows(user, loyalty)
        self._count("rollcall_table_effects_total", effect=effect)
        if loyalty is not None:
            self._loyal.add(key)

    def _count(self, name: str, **labels: str) -> None:
        self._counts[("", name), *labels.items()] += 1

    def seen(self) -> Seen:
        users: dict[str, dict[str, Any] | None] = {
            key: json.loads(encode_user(rows.user)) for key, rows in self._rows.items() if rows.user
        }
        loyalty: dict[str, dict[str, Any] | None] = dict.fromkeys(self._loyal)
        for key, rows in self._rows.items():
            if rows.loyalty:
                loyalty[key] = json.loads(encode_loyalty(rows.loyalty))
        positions = {topic: Position(count, count) for topic, count in self._offsets.items()}
        samples = [
            Sample(name, dict(labels), float(count)) for ((_, name), *labels), count in self._counts.items()
        ]
        return Seen(samples, self._events, self._dead_letters, users, loyalty, positions)
