"""Reads the pages of the documentation and their fenced blocks."""

import re
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]

_FENCE: Final = re.compile(r" *(`{3,})(.*)")


class Block(NamedTuple):
    """A fenced block: the words after its opening fence, and its lines without the two fences."""

    page: str
    line: int
    """The line number of the opening fence, from 1."""
    info: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[Path]:
    """Returns README.md and all pages of docs/, in the order of their names."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def name_of(page: Path) -> str:
    """Returns the path of the page from the root of the repository: `docs/tables.md`."""
    return page.relative_to(ROOT).as_posix()


def blocks_of(page: Path) -> list[Block]:
    """Returns all fenced blocks of a page, in order. Raises ValueError if the last one has no end."""
    found, opened, start, lines = list[Block](), "", 0, list[str]()
    info = ""
    for number, line in enumerate(page.read_text("utf-8").splitlines(), 1):
        fence = _FENCE.fullmatch(line)
        if not opened and fence:
            opened, info, start, lines = fence[1], fence[2].strip(), number, []
        elif opened and fence and not fence[2] and len(fence[1]) >= len(opened):
            found.append(Block(name_of(page), start, info, "".join(f"{each}\n" for each in lines)))
            opened = ""
        elif opened:
            lines.append(line)
    if opened:
        raise ValueError(f"{name_of(page)}:{start}: a block without an end")
    return found


def prose_of(text: str) -> str:
    """Returns the text of a page without its fenced blocks. Headings and links are looked for only in
    this text."""
    kept, opened = list[str](), ""
    for line in text.splitlines():
        fence = _FENCE.fullmatch(line)
        if not opened and fence:
            opened = fence[1]
        elif opened and fence and not fence[2] and len(fence[1]) >= len(opened):
            opened = ""
        elif not opened:
            kept.append(line)
    return "\n".join(kept)
