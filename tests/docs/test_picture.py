"""The README's picture shows the demo as it is today."""

import re

from tests.docs.picture import PICTURE, make_picture


def test_the_picture_is_the_demo_of_today() -> None:
    same = PICTURE.read_text(encoding="utf-8") == make_picture()
    assert same, "to update it: .venv/bin/python -m tests.docs.picture"


def test_the_picture_shows_that_all_is_right() -> None:
    shown = PICTURE.read_text(encoding="utf-8")
    assert "comparisons" in shown
    assert "✗" not in shown


def test_the_picture_loads_nothing_from_elsewhere() -> None:
    shown = PICTURE.read_text(encoding="utf-8")
    assert re.findall(r"@import|href|src[:=]|url\((?!#)", shown) == []
