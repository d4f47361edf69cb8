"""Writes figures into a page of the docs, between two marks."""

import re
from pathlib import Path


def put(page: Path, name: str, text: str) -> None:
    """Replaces the text between `<!-- name -->` and the next `<!-- end -->`.

    Raises ValueError if the page does not have these marks.
    """
    block = re.compile(rf"(<!-- {re.escape(name)} -->\n).*?(<!-- end -->\n)", re.DOTALL)
    before = page.read_text("utf-8")
    if not block.search(before):
        raise ValueError(f"{page} has no marks for {name}")
    page.write_text(
        block.sub(lambda match: f"{match[1]}\n{text.strip()}\n\n{match[2]}", before, count=1), "utf-8"
    )
