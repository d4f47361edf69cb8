"""The README's examples and its table of settings are made of fixtures and settings: `python -m tests.readme`
writes them anew, a test says when that is due."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import msgspec

from app.canonical import decode_event
from app.cli.config import settings_table
from app.state import fold
from tests.vendors.fixtures import Fixture, fixtures_of

README = Path(__file__).parent.parent / "README.md"
# `<!-- kind: argument -->`, what was made of it, `<!-- end -->`.
_BLOCK = re.compile(
    r"(<!-- (body|events|rows|settings)(?:: (\S+))? -->\n)(?:(?!<!-- end -->).*\n)*(<!-- end -->\n)"
)


def render(text: str) -> str:
    """The text with every marked block made anew."""
    return _BLOCK.sub(lambda match: f"{match[1]}\n{_MAKERS[match[2]](match[3] or '')}\n{match[4]}", text)


def _body(name: str) -> str:
    return _json(json.loads(_fixture(name).value or b""))


def _events(name: str) -> str:
    return "\n".join(_json(event) for event in _fixture(name).outcome["events"])


def _rows(names: str) -> str:
    events = [event for name in names.split(",") for event in _fixture(name).outcome["events"]]
    rows = fold(decode_event(json.dumps(event).encode()) for event in events)
    (pair,) = rows.values()
    return _json(msgspec.to_builtins(pair.user)) + "\n" + _json(msgspec.to_builtins(pair.loyalty))


def _json(value: object) -> str:
    return f"```json\n{json.dumps(value, indent=2, ensure_ascii=False)}\n```\n"


def _fixture(name: str) -> Fixture:
    vendor, _, sentence = name.partition("/")
    return next(fixture for fixture in fixtures_of(vendor) if fixture.sentence == sentence)


_MAKERS: dict[str, Callable[[str], str]] = {
    "body": _body,
    "events": _events,
    "rows": _rows,
    "settings": lambda _: settings_table(),
}

if __name__ == "__main__":
    README.write_text(render(README.read_text()))
