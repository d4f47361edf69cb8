"""Reads the stories, `stories/*.toml`, one file a vendor; `stories/README.md` describes the format."""

import json
import re
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from app.demo.directives import Parts, Whole, Wrong
from app.demo.story import TOMBSTONE, Counts, Dies, Emits, ExpectedRows, Said, Skips, Story, StoryRecord
from app.errors import CommandFailed
from app.outcome import DeadReason, SkipReason
from app.vendors import VENDORS

STORIES: Final = files("app.demo") / "stories"


class InvalidStory(CommandFailed):
    """A story file cannot be read. The text names the file, the path in it and what is wrong there."""


class _Message(Struct, forbid_unknown_fields=True):
    text: str
    key: str
    headers: dict[str, str] = {}
    json: Whole | UnsetType = UNSET
    raw: str | UnsetType = UNSET
    tombstone: Literal[True] | UnsetType = UNSET
    events: tuple[Said, ...] | UnsetType = UNSET
    skip: SkipReason | UnsetType = UNSET
    dead: DeadReason | UnsetType = UNSET
    path: str | UnsetType = UNSET
    again: tuple[str, ...] = ()


class _RowsOfKey(Struct, forbid_unknown_fields=True):
    sub: str
    note: str
    user: dict[str, Any]
    loyalty: dict[str, Any] | str | None = None


class _StoryFile(Struct, forbid_unknown_fields=True):
    tenant: str
    second_act: str
    highlight: str
    messages: tuple[_Message, ...]
    rows: tuple[_RowsOfKey, ...]
    tenant_setting: bool = False
    clock: Literal["seconds", "milliseconds"] | None = None
    headers: dict[str, str] = {}
    parts: dict[str, Whole] = {}


def load_stories(folder: Traversable = STORIES) -> tuple[Story, ...]:
    """Returns the stories of a folder, in the order of the vendors' registry. Raises InvalidStory.

    A vendor without a file has no story: its topic is created, but nothing is sent to it.
    """
    tomls = [file for file in folder.iterdir() if file.name.endswith(".toml")]
    found = {file.name.removesuffix(".toml"): file for file in tomls}
    for name in sorted(found.keys() - VENDORS.keys()):
        raise InvalidStory(f"story {name}.toml: expected the name of a vendor: {', '.join(VENDORS)}")
    return tuple(load_story(found[vendor], vendor) for vendor in VENDORS if vendor in found)


def load_story(file: Traversable, vendor: str) -> Story:
    """Returns the story of one file. Raises InvalidStory."""
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidStory(f"story {file.name}: {error}") from None
    try:
        return _Loader(msgspec.convert(data, _StoryFile)).story(vendor)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at ")
        raise InvalidStory(f"story {file.name}, {_named(path.strip('`') or '$', data)}: {what}") from None
    except Wrong as error:
        raise InvalidStory(f"story {file.name}, {_named(error.path, data)}: {error}") from None


def _named(path: str, data: dict[str, Any]) -> str:
    """Returns a path in a form that a person finds in the file: `message 3 ('Ada signs up'), json.type`."""
    match = re.fullmatch(r"\$\.(messages|rows)\[(\d+)\]\.?(.*)", path)
    if match is None:
        return path
    at = int(match[2])
    kind, name = ("message", "text") if match[1] == "messages" else ("row", "sub")
    entry = data[match[1]][at]
    title = f" ({entry[name]!r})" if isinstance(entry, dict) and name in entry else ""
    return f"{kind} {at + 1}{title}" + (f", {match[3]}" if match[3] else "")


class _Loader:
    """Makes a Story of one decoded file. Every method raises Wrong."""

    def __init__(self, file: _StoryFile) -> None:
        self._file = file
        self._parts = Parts(file.parts)

    def story(self, vendor: str) -> Story:
        file = self._file
        bodies = tuple(body for at in range(len(file.messages)) for body in self._bodies(at))
        texts = [body.text for body in bodies]
        for text in (text for text in texts if texts.count(text) > 1):
            raise Wrong("$.messages", f"more than one message has the text {text!r}")
        for name, text in (("second_act", file.second_act), ("highlight", file.highlight)):
            if text not in texts:
                raise Wrong(f"$.{name}", f"no message has the text {text!r}")
        return Story(
            vendor,
            f"{vendor}/{file.tenant}/",
            bodies,
            tuple(self._rows(at) for at in range(len(file.rows))),
            _counts(bodies),
            second_act=file.second_act,
            highlight=file.highlight,
            tenant_setting=file.tenant if file.tenant_setting else "",
        )

    def _bodies(self, at: int) -> Iterator[StoryRecord]:
        """Yields the record of a message, and one more for each text of `again`."""
        path, message = f"$.messages[{at}]", self._file.messages[at]
        value, outcome = self._body(path, message), _outcome(path, message)
        headers = tuple(
            (name, text.encode()) for name, text in (self._file.headers | message.headers).items()
        )
        yield StoryRecord(message.text, message.key, value, outcome, headers)
        for text in message.again:
            yield StoryRecord(text, message.key, value, _repeated(outcome), headers, repeats=True)

    def _body(self, path: str, message: _Message) -> bytes | None:
        _exactly_one(path, json=message.json, raw=message.raw, tombstone=message.tombstone)
        if message.json is not UNSET:
            value = self._parts.expand(f"{path}.json", message.json, self._file.clock)
            try:
                return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
            except UnicodeEncodeError:
                raise Wrong(f"{path}.json", "half a surrogate pair: write the body as raw") from None
        return message.raw.encode() if message.raw is not UNSET else None

    def _rows(self, at: int) -> ExpectedRows:
        path, rows = f"$.rows[{at}]", self._file.rows[at]
        loyalty = rows.loyalty
        if isinstance(loyalty, str) and loyalty != TOMBSTONE:
            raise Wrong(f"{path}.loyalty", f"expected a table or {TOMBSTONE!r}")
        if isinstance(loyalty, dict):
            loyalty = self._parts.expand(f"{path}.loyalty", loyalty, "microseconds")
        user = self._parts.expand(f"{path}.user", rows.user, "microseconds")
        return ExpectedRows(rows.sub, rows.note, user, loyalty)


def _outcome(path: str, message: _Message) -> Emits | Skips | Dies:
    _exactly_one(path, events=message.events, skip=message.skip, dead=message.dead)
    if message.path is not UNSET and message.dead is UNSET:
        raise Wrong(f"{path}.path", "only a dead message has one")
    if message.events is not UNSET:
        if not message.events:
            raise Wrong(f"{path}.events", "expected at least one event")
        return Emits(message.events)
    if message.skip is not UNSET:
        return Skips(message.skip)
    assert message.dead is not UNSET
    return Dies(message.dead) if message.path is UNSET else Dies(message.dead, message.path)


def _repeated(outcome: Emits | Skips | Dies) -> Emits | Skips | Dies:
    """Returns the outcome of a record that is sent a second time: an event that changed rows changes nothing
    now."""
    if not isinstance(outcome, Emits):
        return outcome
    return Emits(
        tuple(
            Said(event.type, event.sub, "unchanged" if event.effect == "changed" else event.effect)
            for event in outcome.events
        )
    )


def _exactly_one(path: str, **choices: object) -> None:
    if sum(choice is not UNSET for choice in choices.values()) != 1:
        raise Wrong(path, f"expected exactly one of {', '.join(choices)}")


def _counts(bodies: tuple[StoryRecord, ...]) -> Counts:
    """Returns the sums over all messages."""
    emitting = [(body, body.outcome.events) for body in bodies if isinstance(body.outcome, Emits)]
    return Counts(
        received=len(bodies),
        emitted=len(emitting),
        skipped=sum(isinstance(body.outcome, Skips) for body in bodies),
        dead=sum(isinstance(body.outcome, Dies) for body in bodies),
        events=sum(len(events) for _, events in emitting),
        distinct=sum(len(events) for body, events in emitting if not body.repeats),
    )
