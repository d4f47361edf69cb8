"""Writes what the mapper makes of each fixture that has no outcome yet, for review."""

import json

from app.cli.convert import append_outcome
from app.vendors import VENDORS, convert
from tests.tools.new_vendor.skeleton import Refusal
from tests.vendors.fixtures import ROOT, Fixture, without_outcome
from tests.vendors.parts import missing_parts


def write_outcomes(vendor: str) -> int:
    """Writes the missing `.out.json` files, overwrites none, and prints what else the vendor lacks.

    Returns the exit code. Raises Refusal if the vendor is not in the registry.
    """
    if vendor not in VENDORS:
        raise Refusal(f"{vendor} is not in the registry, app/vendors/__init__.py")
    fixtures = without_outcome(vendor)
    for fixture in fixtures:
        path = ROOT / vendor / f"{fixture.sentence}.out.json"
        with path.open("x", encoding="utf-8") as file:
            file.write(outcome_text(fixture))
        print(f"wrote {path.relative_to(ROOT.parents[1])}: {_summary(fixture)}")
    if fixtures:
        print("Review them: they say what the mapper does, not what it should do.")
    print("".join(f"missing: {line}\n" for line in missing_parts(vendor)), end="")
    return 0


def outcome_text(fixture: Fixture) -> str:
    """Returns the outcome of the fixture's record in the form of its `.out.json`."""
    answer = bytearray()
    append_outcome(convert(VENDORS[fixture.vendor], fixture, fixture.partition, fixture.options), answer)
    return json.dumps(json.loads(answer.decode()), indent=2, ensure_ascii=False) + "\n"


def _summary(fixture: Fixture) -> str:
    outcome = json.loads(outcome_text(fixture))
    types = [event["type"] for event in outcome.get("events", ())]
    reason = [outcome[member] for member in ("reason", "detail") if member in outcome]
    return " ".join([outcome["outcome"], *types, *reason])
