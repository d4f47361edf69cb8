"""The README shows what the code does today."""

from tests.readme import README, render


def test_the_examples_and_the_table_of_settings_are_those_of_today() -> None:
    text = README.read_text()
    assert render(text) == text, "make it anew: .venv/bin/python -m tests.readme"
