"""The fixtures of every vendor go through the mapper and through the real command."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.canonical import EVENT_TYPES
from app.outcome import DEAD_REASONS, SKIP_REASONS, Dead, Emit, Outcome, Skip
from app.vendors import VENDORS, Options, convert
from tests.vendors.fixtures import DEFAULT_TIMESTAMP, ROOT, Fixture, fixtures_of

FIXTURES = [fixture for vendor in VENDORS for fixture in fixtures_of(vendor)]
# No record can cause this reason, only a bug can. The tests of `convert` have it.
OUR_BUG = "mapper_error"


def printed(outcome: Outcome) -> dict[str, Any]:
    """Returns the outcome in the form in which `rollcall convert` prints it, made without the command's
    code."""
    match outcome:
        case Emit(events):
            return {"outcome": "emit", "events": [json.loads(msgspec.json.encode(event)) for event in events]}
        case Skip(reason):
            return {"outcome": "skip", "reason": reason}
        case Dead(reason, detail):
            return {"outcome": "dead", "reason": reason, "detail": detail}


def exact(value: Any) -> str:
    """Returns text in which 1, 1.0 and true differ; in Python they are equal."""
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False)


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda fixture: f"{fixture.vendor}-{fixture.sentence}")
def test_a_record_becomes_what_its_fixture_says(fixture: Fixture) -> None:
    outcome = convert(VENDORS[fixture.vendor], fixture, fixture.partition, fixture.options)
    assert exact(printed(outcome)) == exact(fixture.outcome)


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_command_answers_line_by_line(vendor: str) -> None:
    fixtures = [fixture for fixture in fixtures_of(vendor) if is_a_line(fixture)]
    assert fixtures, "a fixture that needs no header and no setting"
    lines = b"".join(fixture.value + b"\n" for fixture in fixtures if fixture.value is not None)
    origin = f"{fixtures[0].partition}/0"
    arguments = ["--vendor", vendor, "--timestamp", str(DEFAULT_TIMESTAMP), "--origin", origin]
    done = subprocess.run(
        [sys.executable, "-m", "app", "convert", *arguments],
        input=lines,
        capture_output=True,
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    answers = done.stdout.split(b"\n")
    assert answers.pop() == b""
    assert len(answers) == len(fixtures)
    for offset, (answer, fixture) in enumerate(zip(answers, fixtures, strict=True)):
        assert exact(json.loads(answer)) == exact(at_offset(fixture.outcome, offset)), fixture.sentence


def is_a_line(fixture: Fixture) -> bool:
    """Returns whether the command can read this record from standard input, with default settings."""
    return (
        fixture.value is not None
        and b"\n" not in fixture.value
        and not fixture.headers
        and fixture.timestamp == DEFAULT_TIMESTAMP
        and fixture.options == Options()
    )


def at_offset(outcome: dict[str, Any], offset: int) -> dict[str, Any]:
    if "events" not in outcome:
        return outcome
    events = [
        {**event, "origin": f"{event['origin'].removesuffix('/0')}/{offset}"} for event in outcome["events"]
    ]
    return {**outcome, "events": events}


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_vendor_of_the_registry_has_fixtures(vendor: str) -> None:
    fixtures = fixtures_of(vendor)
    assert len(fixtures) >= 12
    assert {fixture.outcome["outcome"] for fixture in fixtures} == {"emit", "skip", "dead"}


def test_every_folder_of_fixtures_is_of_a_vendor_in_the_registry() -> None:
    assert {folder.name for folder in ROOT.iterdir()} == set(VENDORS)


def test_every_reason_has_a_fixture() -> None:
    reasons = {fixture.reason for fixture in FIXTURES} - {None}
    assert reasons == {*SKIP_REASONS, *DEAD_REASONS} - {OUR_BUG}


def test_every_type_of_event_has_a_fixture() -> None:
    emitted = {event["type"] for fixture in FIXTURES for event in fixture.outcome.get("events", [])}
    assert emitted == set(EVENT_TYPES)
