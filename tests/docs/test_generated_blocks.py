"""The generated parts of the pages are up to date."""

from pathlib import Path

import pytest

from tests.docs.generated_blocks import render
from tests.docs.pages import name_of, pages


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_the_generated_blocks_of_a_page_are_up_to_date(page: Path) -> None:
    text = page.read_text("utf-8")
    assert render(text) == text, "to update them: .venv/bin/python -m tests.docs.generated_blocks"
