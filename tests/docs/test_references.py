"""Everything that the code, the tests and the pages refer to is in this repository."""

import re
from pathlib import Path
from typing import Final

import pytest

from tests.docs.links import (
    REFERENCE,
    Pointer,
    anchors_in,
    files,
    found_in,
    links_in,
    problem,
    references_of,
)
from tests.docs.pages import ROOT, name_of

TEXTS: Final = (".py", ".md", ".toml", ".yml", ".yaml", ".sh", ".txt", "Makefile", "Dockerfile", ".ci/run")
# Written so that the pattern does not match its own text.
NOT_HERE: Final = re.compile(
    r"contract,? [s]ections?|contract[.]md|\blane[.]md|(?<!docs/)\bvendors[.]md|\bhouse[.]md", re.IGNORECASE
)


def texts() -> list[Path]:
    """Returns all files but this one, whose references are examples."""
    return [file for file in files(*TEXTS) if file != Path(__file__)]


def test_every_page_that_is_named_by_its_path_is_there_with_its_heading() -> None:
    found = [each for file in texts() for each in references_of(file)]
    assert len(found) > 5
    assert [wrong for each in found if (wrong := problem(each, ROOT))] == []


@pytest.mark.parametrize("page", files(".md"), ids=name_of)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    links = [Pointer(page, 1, target) for target in links_in(page.read_text("utf-8"))]
    assert [wrong for each in links if (wrong := problem(each, page.parent))] == []


def test_nothing_refers_to_documents_that_are_not_here() -> None:
    assert [str(each) for file in texts() for each in found_in(file, NOT_HERE)] == []


@pytest.mark.parametrize(
    ("target", "leads_somewhere"),
    [
        ("docs/guarantees.md", True),
        ("docs/guarantees.md#the-limits", True),
        ("docs/no-such-page.md", False),
        ("docs/guarantees.md#no-such-heading", False),
        ("#rollcall", True),
        ("#no-such-heading", False),
        ("..", False),
        ("deploy", True),
    ],
)
def test_a_target_that_leads_nowhere_is_found(target: str, leads_somewhere: bool) -> None:
    assert (problem(Pointer(ROOT / "README.md", 1, target), ROOT) is None) is leads_somewhere


def test_links_are_those_that_a_reader_can_follow() -> None:
    text = (
        "[a](b.md#c) [web](https://example.com) [d](<e.md>)\n"
        "![g](g.svg 'G') [![b](b.svg)](l.md) [of two\nlines](h.md)\n"
        '[k](k.md "K") `[x](in-code.md)`\n```sh\n[x](in-a-block.md)\n```\n[f]: i.md\n'
    )
    assert links_in(text) == ["b.md#c", "e.md", "g.svg", "b.svg", "l.md", "h.md", "k.md", "i.md"]


def test_anchors_are_those_that_github_gives_to_headings() -> None:
    text = "# What is `no` row?\n## A_b - c/d ##\n## A_b - c/d\n```sh\n# no heading\n```\n"
    text += "### [Text](x.md), too\n"
    assert anchors_in(text) == {"what-is-no-row", "a_b---cd", "a_b---cd-1", "text-too"}


def test_references_read_like_a_path() -> None:
    pages = ["docs/" + name for name in ("x.md", "x.md#y-z", "v/x.md")]
    text = f"(see {pages[0]}), {pages[1]}. https://example.com/{pages[0]} `{pages[2]}`"
    assert REFERENCE.findall(text) == pages
