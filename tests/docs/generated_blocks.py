"""Makes the parts of the pages that show fixtures, settings and metrics, and the files of docs/schemas.

`python -m tests.docs.generated_blocks` writes them into README.md and docs/; a test fails if they are out of
date. A block begins with `<!-- kind: argument -->` and ends with `<!-- end -->`:

    body: VENDOR/SENTENCE                  the body of a fixture
    events: VENDOR/SENTENCE                the canonical events that it becomes
    rows: VENDOR/SENTENCE,...              both rows of the user whom these fixtures are about
    dead-letter: VENDOR/SENTENCE           the headers that the dead letter of a fixture gets
    settings                               the table of all settings
    metrics                                the table of all metrics
"""

import json
import re
from collections.abc import Callable
from typing import Final

from app.canonical import decode_event
from app.cli.config import settings_table
from app.state import encode_loyalty, encode_user, fold
from tests.docs.dead_letter_example import dead_letter_headers
from tests.docs.metrics_table import metrics_table
from tests.docs.pages import pages
from tests.docs.schema_files import schema_files
from tests.vendors.fixtures import Fixture, fixtures_of


def render(text: str) -> str:
    """Returns the text of a page in which every marked block is made again by the code of today."""
    return _BLOCK.sub(lambda match: f"{match[1]}\n{_MAKERS[match[2]](match[3] or '')}\n{match[4]}", text)


def _body(name: str) -> str:
    return _json(json.loads(_fixture(name).value or b""))


def _events(name: str) -> str:
    return "\n".join(_json(event) for event in _fixture(name).outcome["events"])


def _rows(names: str) -> str:
    """Returns one block for each row that exists, with its members in the order of the changelog."""
    events = [event for name in names.split(",") for event in _fixture(name).outcome["events"]]
    rows = fold(decode_event(json.dumps(event).encode()) for event in events)
    (pair,) = rows.values()
    written = [pair.user and encode_user(pair.user), pair.loyalty and encode_loyalty(pair.loyalty)]
    return "\n".join(_json(json.loads(row)) for row in written if row)


def _dead_letter(name: str) -> str:
    lines = [f"{header}: {value}\n" for header, value in dead_letter_headers(_fixture(name)).items()]
    return f"```text\n{''.join(lines)}```\n"


def _json(value: object) -> str:
    return f"```json\n{json.dumps(value, indent=2, ensure_ascii=False)}\n```\n"


def _fixture(name: str) -> Fixture:
    vendor, _, sentence = name.partition("/")
    for fixture in fixtures_of(vendor):
        if fixture.sentence == sentence:
            return fixture
    raise LookupError(f"no fixture {name}")


_MAKERS: Final[dict[str, Callable[[str], str]]] = {
    "body": _body,
    "events": _events,
    "rows": _rows,
    "dead-letter": _dead_letter,
    "settings": lambda _: settings_table(),
    "metrics": lambda _: metrics_table(),
}
_BLOCK: Final = re.compile(
    rf"(<!-- ({'|'.join(_MAKERS)})(?:: (\S+))? -->\n)(?:(?!<!-- end -->).*\n)*(<!-- end -->\n)"
)

if __name__ == "__main__":
    for page in pages():
        text = page.read_text("utf-8")
        if render(text) != text:
            page.write_text(render(text), "utf-8")
    for file, text in schema_files().items():
        file.write_text(text, "utf-8")
