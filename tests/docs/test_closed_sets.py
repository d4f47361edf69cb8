"""The tables of the reference name everything that the code and the fixtures have, and nothing else."""

import re
from typing import Any, Final

import pytest

from app.canonical import EVENT_TYPES, Data, Event
from app.dead_letters import SourceRecord, our_headers
from app.engine.tables.findings import SKIPPED_KINDS
from app.outcome import DEAD_REASONS, SKIP_REASONS, Dead
from app.state import EFFECTS, LoyaltyRow, UserRow
from app.vendors import VENDORS
from tests.docs.dead_letter_example import FixtureRecord
from tests.docs.pages import ROOT
from tests.vendors.fixtures import fixtures_of

_CODE: Final = re.compile(r"`([^`]+)`")
TITLES: Final = {"Rocket.Chat": "rocketchat", "Magine": "magine", "Amity": "amity"} | {
    vendor.title: name for name, vendor in VENDORS.items()
}


def section(page: str, heading: str) -> str:
    """Returns the text under a heading."""
    text = (ROOT / "docs" / page).read_text("utf-8")
    below = re.split(rf"^## {re.escape(heading)}\n", text, flags=re.MULTILINE)[1]
    return re.split(r"^## ", below, flags=re.MULTILINE)[0]


def table(page: str, heading: str) -> list[list[str]]:
    """Returns the rows of the table under a heading, each as its cells, without the heading of the table."""
    (found,) = re.findall(r"(?:^\|.*\n)+", section(page, heading), flags=re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in found.splitlines()[2:]]


def names(cell: str) -> list[str]:
    """Returns all texts between backticks."""
    return _CODE.findall(cell)


def firsts(rows: list[list[str]]) -> list[str]:
    return [name for row in rows for name in names(row[0])]


def events(vendor: str) -> list[dict[str, Any]]:
    return [event for fixture in fixtures_of(vendor) for event in fixture.outcome.get("events", [])]


def test_the_reasons() -> None:
    told = [name for row in table("events.md", "Outcomes") for name in names(row[1])]
    assert sorted(told) == sorted([*SKIP_REASONS, *DEAD_REASONS])


def test_the_members_of_an_event() -> None:
    assert firsts(table("events.md", "Canonical event")) == list(Event.__struct_fields__)
    assert firsts(table("events.md", "Data")) == list(Data.__struct_fields__)


def test_the_types_and_the_names_that_vendors_give_them() -> None:
    rows = table("events.md", "Types")
    assert firsts(rows) == list(EVENT_TYPES)
    assert {len(row) for row in rows} == {1 + len(VENDORS)}, "a column a vendor"
    for column, vendor in enumerate(VENDORS, 1):
        told = {(name, row[0].strip("`")) for row in rows for name in names(row[column])}
        # Another section names the events that are deletions because of a flag.
        seen = {(event["vendortype"], event["type"]) for event in events(vendor)}
        assert told <= seen
        assert {pair for pair in seen if pair[1] != "user.deleted"} <= told


def test_the_claims_of_each_vendor() -> None:
    told: dict[str, set[str]] = {vendor: set() for vendor in VENDORS}
    for claims, sources in table("events.md", "Claims"):
        for vendor in VENDORS if sources == "every vendor" else vendors_in(sources):
            told[vendor] |= set(names(claims))
    assert told == {
        vendor: {name for event in events(vendor) for name in event["data"]["user"]} for vendor in VENDORS
    }


def vendors_in(text: str) -> set[str]:
    return {name for title, name in TITLES.items() if title in text}


def test_the_attributes_of_each_vendor() -> None:
    rows = table("events.md", "Attributes")
    assert [TITLES[row[0]] for row in rows] == list(VENDORS)
    for row in rows:
        seen = {name for event in events(TITLES[row[0]]) for name in event["data"].get("attributes", ())}
        told = set(names(re.sub(r"\([^)]*\)", "", row[1])))
        assert told == seen


def test_the_effects() -> None:
    assert firsts(table("tables.md", "Effects")) == list(EFFECTS)


@pytest.mark.parametrize(("heading", "row"), [("Users row", UserRow), ("Loyalty row", LoyaltyRow)])
def test_the_members_of_a_row(heading: str, row: type[UserRow | LoyaltyRow]) -> None:
    assert firsts(table("tables.md", heading)) == list(row.__struct_fields__)


def test_the_kinds_of_changelog_records_that_are_no_rows() -> None:
    assert [name for name in names(section("tables.md", "No row")) if name in SKIPPED_KINDS] == list(
        SKIPPED_KINDS
    )


def test_the_headers_of_a_dead_letter() -> None:
    told = [
        f"__connect.errors{name}" if name.startswith(".") else name
        for name in firsts(table("dead-letters.md", "Headers"))
    ]
    record = FixtureRecord(0, 0, b"", b"", [("x-truncated", b"true")])
    headers = our_headers(
        record, SourceRecord("t", 0, 0, "fynd"), Dead("schema", ""), app_id="rollcall", now=0
    )
    assert sorted(told) == sorted(name for name, _ in headers)
