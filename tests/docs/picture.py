"""Makes docs/demo.svg, the README's picture: the last screen of `make demo` (`python -m tests.docs.picture`).

The demo's own code prints that screen. No Kafka runs (tests/demo/rehearsal.py), so the picture is the same on
every machine. Every user in it is invented.
"""

import io
import re
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

from app.demo.compare import Check, compare
from app.demo.look import Position
from app.demo.show import Show
from app.demo.story_file import load_stories
from tests.demo.rehearsal import RECORDED, rehearse

PICTURE: Final = Path(__file__).parents[2] / "docs" / "demo.svg"
WIDTH: Final = 120
"""Columns, as many as the demo takes if no terminal says how wide it is."""
LINES: Final = 32
"""The lines of one screen: the last dead letters, the accounting, and the verdict."""

# Rich's font comes from the network, which an <img> must not use. The generic font named after it is good
# enough.
_FONT_FROM_THE_NETWORK: Final = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def make_picture() -> str:
    """Returns the picture as SVG."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi("\n".join(last_screen())), soft_wrap=True)
    svg = console.export_svg(title="make demo")
    return _FONT_FROM_THE_NETWORK.sub("", svg)


def last_screen() -> list[str]:
    """Returns the last lines that the demo prints, with the colours of a terminal."""
    stories = load_stories()
    sent, seen = rehearse(stories)
    seen.positions["users.events"] = Position(len(seen.events), len(seen.events))
    checks = compare(stories, sent, seen, RECORDED)
    # The last comparison of the demo is about the process of the worker, which the rehearsal does not have.
    checks.append(Check("the worker's exit code after SIGTERM", "0", "0"))
    printed = io.StringIO()
    console = Console(
        file=printed, width=WIDTH, highlight=False, force_terminal=True, color_system="truecolor"
    )
    Show(console).everything(stories, sent, seen, checks)
    return printed.getvalue().splitlines()[-LINES:]


if __name__ == "__main__":
    PICTURE.write_text(make_picture(), encoding="utf-8")
