"""What `rollcall reconcile` says: as lines for people, and as one JSON object."""

from typing import Any, Final

from app.tools.exports.import_tally import ImportTally
from app.tools.exports.reconciliation import FINDINGS, Finding, Found, Reconciliation

_TEXTS: Final[dict[Finding, str]] = {
    "missing": "missing here",
    "deleted_here": "deleted here, and later in the export",
    "deleted_there": "deleted there, and not here",
    "gone": "gone there: not in the export",
    "differing": "differing, older here",
    "incomplete": "incomplete here, else equal",
    "undecided": "differing, of the same time",
}


def text_of(
    reconciliation: Reconciliation, tally: ImportTally, found: Found, *, show_keys: bool
) -> list[str]:
    """Returns the lines. Keys are in them only if they are to be shown."""
    told = [f"{reconciliation.users} users in the export, {reconciliation.rows} in the table"]
    for finding in FINDINGS:
        keys = found.keys[finding]
        told.append(f"{_TEXTS[finding]}: {len(keys)}")
        if show_keys:
            told += [f"  {key.decode()}" for key in keys]
    told += [f"field {name}: {count}" for name, count in sorted(found.fields.items())]
    more = {
        "with fields that are newer here": found.newer,
        "not in the export, and seen since": found.seen_since,
        "not compared, of a later version": reconciliation.later,
        "records that are no rows": reconciliation.no_rows,
    }
    told += [f"{name}: {count}" for name, count in more.items() if count]
    return told + tally.told()


def json_of(
    reconciliation: Reconciliation, tally: ImportTally, found: Found, *, show_keys: bool
) -> dict[str, Any]:
    """Returns the members of the JSON object, without what is to be written."""
    members: dict[str, Any] = {
        "users": reconciliation.users,
        "rows": reconciliation.rows,
        **{finding: len(found.keys[finding]) for finding in FINDINGS},
        "fields": dict(sorted(found.fields.items())),
        "newer": found.newer,
        "seen_since": found.seen_since,
        "later": reconciliation.later,
        "no_rows": reconciliation.no_rows,
        "export": tally.as_json(),
    }
    if show_keys:
        members["keys"] = {finding: [key.decode() for key in found.keys[finding]] for finding in FINDINGS}
    return members
