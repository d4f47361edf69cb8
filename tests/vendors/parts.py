"""The files that a vendor needs besides its line in the registry, and which of them are missing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from app.cli.convert import Line
from app.outcome import Emit, Outcome, Skip
from app.vendors import VENDORS, Options, convert
from tests.tools.bench.bodies import MIXES, bodies
from tests.tools.fuzz.allowed import ATTRIBUTES
from tests.vendors.fixtures import DEFAULT_TIMESTAMP, Fixture, fixtures_of, without_outcome

_ROOT: Final = Path(__file__).parents[2]
_FIXTURES_AT_LEAST: Final = 12
# `tests.tools.new_vendor` writes this into a page where a text is still missing.
TO_DO: Final = "TO DO"


def missing_parts(vendor: str) -> list[str]:
    """Returns one line for each file that a registered vendor still lacks, and for each that is not complete.

    Each line begins with the path of the file. An empty list means that nothing is missing.
    """
    return [*_of_fixtures(vendor), *_of_tools(vendor), *_of_pages(vendor)]


def _of_fixtures(vendor: str) -> Iterator[str]:
    folder = f"tests/fixtures/{vendor}"
    if halves := without_outcome(vendor):
        yield from (f"{folder}/{it.sentence}.out.json: the outcome of {it.sentence}.in.json" for it in halves)
        return
    fixtures = fixtures_of(vendor)
    if len(fixtures) < _FIXTURES_AT_LEAST:
        yield f"{folder}/: at least {_FIXTURES_AT_LEAST} fixtures, it has {len(fixtures)}"
    for outcome in ("emit", "skip", "dead"):
        if not any(it.outcome["outcome"] == outcome for it in fixtures):
            yield f"{folder}/: a fixture with the outcome {outcome}"
    if unmentioned := _times_of(fixtures) ^ set(VENDORS[vendor].times):
        yield f"app/vendors/{vendor}.py: `times` and a fixture with the time source {', '.join(unmentioned)}"


def _times_of(fixtures: tuple[Fixture, ...]) -> set[str]:
    events = (event for it in fixtures for event in it.outcome.get("events", ()))
    return {event["timesource"] for event in events} - {"record"}


def _of_tools(vendor: str) -> Iterator[str]:
    if vendor not in ATTRIBUTES:
        yield f"tests/tools/fuzz/allowed.py: the attributes that an event of {vendor} may carry"
    elif unlisted := _attributes_of(vendor) - ATTRIBUTES[vendor]:
        yield f"tests/tools/fuzz/allowed.py: of {vendor} also {', '.join(sorted(unlisted))}"
    if vendor not in MIXES:
        yield f"tests/tools/bench/bodies/{vendor}.py: what makes its bodies, and an entry of MIXES"
    elif not all(isinstance(it, Emit | Skip) for it in _outcomes_of_bodies(vendor)):
        yield f"tests/tools/bench/bodies/{vendor}.py: bodies that the mapper takes, some are dead"
    if not any((_ROOT / "app/demo/stories").glob(f"{vendor}.*")):
        yield f"app/demo/stories/{vendor}: what happens to its users in the demo"


def _attributes_of(vendor: str) -> set[str]:
    """Returns the attributes that the expected outcomes of the fixtures have."""
    events = (event for it in fixtures_of(vendor) for event in it.outcome.get("events", ()))
    return {name for event in events for name in event["data"].get("attributes", ())}


def _outcomes_of_bodies(vendor: str) -> list[Outcome]:
    records = [Line(number, DEFAULT_TIMESTAMP, [], body) for number, body in enumerate(bodies(vendor, 100))]
    return [convert(VENDORS[vendor], it, "-/0", Options()) for it in records]


def _of_pages(vendor: str) -> Iterator[str]:
    pages = {path: path.read_text("utf-8") for path in (_ROOT / "docs").rglob("*.md")}
    page = _ROOT / "docs/vendors" / f"{vendor}.md"
    if page not in pages:
        yield f"docs/vendors/{vendor}.md: the facts of its bodies, with their sources"
    elif TO_DO in pages.get(page, ""):
        yield f"docs/vendors/{vendor}.md: what is marked with {TO_DO}"
    index = page.with_name("README.md")
    if index in pages and f"]({vendor}.md)" not in pages[index]:
        yield f"docs/vendors/README.md: a link to {vendor}.md, and its column"
    if f"`vendor.{vendor}.users`" not in pages.get(_ROOT / "docs/events.md", ""):
        yield "docs/events.md: its topic, and its column or row in each table that names the vendors"
