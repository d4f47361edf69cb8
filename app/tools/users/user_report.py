"""Everything that the topics have of one user, as text and as JSON: `rollcall inspect KEY`."""

import base64
from typing import Any, NamedTuple

import msgspec

from app.canonical import Event
from app.settings import Settings
from app.state import Rows
from app.times import format_micros
from app.tools.connected import reading
from app.tools.users.key_dead_letters import DeadLetterFinder, KeyDeadLetter, read_dead_letters
from app.tools.users.key_events import KeyEvent, read_events
from app.tools.users.key_rows import home_partition, read_rows
from app.tools.users.shown import printable
from app.tools.users.user_key import UserKey

_MOST_CHARS = 2000


class UserReport(NamedTuple):
    """What was found, and where."""

    user: UserKey
    partition: int
    topics: tuple[str, str]
    """The canonical and the dead-letter topic."""
    rows: Rows
    events: list[KeyEvent]
    dead_letters: list[KeyDeadLetter]


async def read_user(settings: Settings, user: UserKey, since: int | None = None) -> UserReport:
    """Returns what there is at this moment. `since`: only events and dead letters that were written at this
    time or later, in milliseconds since 1970. Raises CommandFailed, BrokerUnreachable and AccessRefused."""
    topics = settings.topic_events, settings.topic_dead_letter
    async with reading(settings, (*topics, *settings.changelogs)) as logs:
        partition = home_partition(logs, settings, user.key)
        rows = await read_rows(logs, settings, user.key)
        events = await read_events(logs, settings, user.key, partition, since)
        origins = [each.event.origin for each in events if each.event is not None and each.event.origin]
        dead = await read_dead_letters(logs, settings, DeadLetterFinder(user, origins), since)
    return UserReport(user, partition, topics, rows, events, dead)


def as_json(report: UserReport) -> str:
    """Returns one line of JSON."""
    told = {
        "key": str(report.user),
        "partition": report.partition,
        "user": report.rows.user,
        "loyalty": report.rows.loyalty,
        "events": [
            {"offset": each.offset, "timestamp": each.timestamp, **_value("event", each.value, each.event)}
            for each in report.events
        ],
        "dead_letters": [
            {
                **{name: part for name, part in each._asdict().items() if name != "value"},
                **_value("value", each.value),
            }
            for each in report.dead_letters
        ],
    }
    return msgspec.json.encode(told).decode() + "\n"


def _value(name: str, value: bytes | None, event: Event | None = None) -> dict[str, Any]:
    """Returns the member with a record's value: JSON if it is an event, else text or base64."""
    if event is not None and value is not None:
        return {name: msgspec.Raw(value)}
    if value is None:
        return {name: None}
    try:
        return {name: value.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(value).decode()}


def as_lines(report: UserReport) -> str:
    """Returns the lines for people."""
    events, dead_letters = report.topics
    lines = [f"{printable(str(report.user))}, partition {report.partition}"]
    for name, row in (("users row", report.rows.user), ("loyalty row", report.rows.loyalty)):
        lines += [f"{name}: none"] if row is None else [f"{name}:", *_pretty(msgspec.json.encode(row))]
    lines.append(f"events in {events}: {len(report.events)}")
    for each in report.events:
        told = "no canonical event" if each.event is None else f"{each.event.type}, {each.event.time}"
        lines += [
            f"  offset {each.offset}, written {_time(each.timestamp)}: {told}",
            f"    {_text(each.value)}",
        ]
    lines.append(f"dead letters in {dead_letters}: {len(report.dead_letters)}")
    for dead in report.dead_letters:
        told = f"{dead.reason}, {dead.detail}; attempt {dead.attempt} of {dead.origin}"
        where = f"{dead.partition}/{dead.offset}, written {_time(dead.timestamp)}"
        lines += [f"  {where}, found by its {dead.match}: {told}", f"    {_text(dead.value or b'')}"]
    return "".join(f"{printable(line)}\n" for line in lines)


def _pretty(value: bytes) -> list[str]:
    return [f"  {line}" for line in msgspec.json.format(value, indent=2).decode().splitlines()]


def _text(value: bytes) -> str:
    text = value.decode("utf-8", "backslashreplace")
    return text if len(text) <= _MOST_CHARS else f"{text[:_MOST_CHARS]}... ({len(value)} bytes)"


def _time(milliseconds: int) -> str:
    return "without a timestamp" if milliseconds < 0 else format_micros(milliseconds * 1000)
