"""Finds what the files of the repository refer to: links in pages, and references that are written as a path,
`docs/guarantees.md#the-limits`."""

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from tests.docs.pages import ROOT, prose_of

REFERENCE: Final = re.compile(r"(?<![\w./-])docs/[\w./-]*?\.md(?:#[\w-]+)?")
_TARGET: Final = re.compile(r"\]\(<?([^()\s>]+)>?(?:\s+[\"'][^\"']*[\"'])?\)")
_DEFINITION: Final = re.compile(r"^ {0,3}\[[^\]]+\]: *<?([^\s>]+)>?", re.MULTILINE)
_IN_CODE: Final = re.compile(r"(`+)[^`].*?(?<!`)\1(?!`)")
_ELSEWHERE: Final = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_HEADING: Final = re.compile(r"^ {0,3}#{1,6} +(.*?)(?: +#+)? *$", re.MULTILINE)
_NOT_IN_ANCHORS: Final = re.compile(r"[^\w\- ]")
# Folders of files that are made here, or that belong to tools. Every folder whose name begins with a dot
# counts as one, except those that the repository itself has.
_MADE: Final = frozenset({"build", "dist", "htmlcov", "__pycache__"})
_DOTTED: Final = frozenset({".github", ".ci"})


class Pointer(NamedTuple):
    """A reference: the file of the repository and the line that have it, and its target."""

    file: Path
    line: int
    target: str

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line}: {self.target}"


@cache
def files(*suffixes: str) -> tuple[Path, ...]:
    """Returns all files of the repository whose paths end in one of these suffixes."""
    return tuple(path for path in sorted(_walk(ROOT)) if path.as_posix().endswith(suffixes))


def _walk(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        hidden = path.name.startswith(".") and path.name not in _DOTTED
        if hidden or path.name in _MADE or path.name.endswith(".egg-info"):
            continue
        if path.is_dir():
            yield from _walk(path)
        else:
            yield path


def found_in(file: Path, pattern: "re.Pattern[str]") -> Iterator[Pointer]:
    """Yields a reference for each match of the pattern in a file."""
    for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
        for match in pattern.finditer(line):
            yield Pointer(file, number, match[0])


def references_of(file: Path) -> list[Pointer]:
    """Returns all references in a file to a page of docs/ by its path."""
    return list(found_in(file, REFERENCE))


def links_in(text: str) -> list[str]:
    """Returns the targets of all links of a page, without those that leave the repository."""
    prose = _IN_CODE.sub("", prose_of(text))
    targets = [match[1] for pattern in (_TARGET, _DEFINITION) for match in pattern.finditer(prose)]
    return [target for target in targets if not _ELSEWHERE.match(target)]


def anchors_in(text: str) -> set[str]:
    """Returns the anchors that GitHub gives to the headings of a page: in lower case, with hyphens for
    blanks, without any other signs than hyphens and underscores. The second anchor of one name ends in -1."""
    seen = Counter[str]()
    found = set()
    for match in _HEADING.finditer(prose_of(text)):
        heading = _TARGET.sub("]", match[1])
        anchor = _NOT_IN_ANCHORS.sub("", heading.strip().lower()).replace(" ", "-")
        found.add(f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor)
        seen[anchor] += 1
    return found


def problem(pointer: Pointer, folder: Path) -> str | None:
    """Returns why the target does not exist; None if it exists. Targets are relative to `folder`."""
    path, _, anchor = pointer.target.partition("#")
    target = (folder / path).resolve() if path else pointer.file
    if not target.is_relative_to(ROOT) or not target.exists():
        return f"{pointer}: no such file"
    if anchor and anchor not in _anchors_of(target):
        return f"{pointer}: no such heading"
    return None


@cache
def _anchors_of(page: Path) -> frozenset[str]:
    return frozenset(anchors_in(page.read_text("utf-8")))
