"""The figures of a run: a line for each case, a table at the end, and a table for the docs."""

from collections.abc import Sequence

from tests.tools.faults.cases import CASES
from tests.tools.faults.stage import Outcome

_COLUMNS = (
    "case",
    "records",
    "lost",
    "wrong rows",
    "unexplained",
    "repeats",
    "reach s",
    "stall s",
    "back after s",
    "kills",
    "exits 70",
)


def line(outcome: Outcome) -> str:
    verdict = "ok" if outcome.green else "RED: " + "; ".join(outcome.problems)
    notes = "".join(f"; {note}" for note in outcome.notes)
    report = outcome.report
    if report.overtaken:
        notes += f"; {report.overtaken} rows name what differs from an older one"
    return (
        f"{verdict} ({report.records} records, {report.repeats} repeats of the last"
        f" {outcome.reach:.1f} s, stall {outcome.stall:.1f} s,"
        f" back after {outcome.recovery:.1f} s, exits {outcome.exits or 'none'},"
        f" {outcome.seconds:.0f} s{notes})"
    )


def _cells(outcome: Outcome) -> list[str]:
    report = outcome.report
    unexplained = report.unexplained + report.changed + report.disordered + report.misplaced
    unexplained += report.misnamed + report.uncommitted
    return [
        outcome.case,
        str(report.records),
        str(report.lost),
        str(report.wrong_rows),
        str(unexplained),
        str(report.repeats),
        f"{outcome.reach:.1f}" if report.repeats else "-",
        f"{outcome.stall:.1f}",
        f"{outcome.recovery:.1f}",
        str(outcome.exits.get(-9, 0)),
        str(outcome.exits.get(70, 0)),
    ]


def table(outcomes: Sequence[Outcome]) -> str:
    rows = [list(_COLUMNS), *map(_cells, outcomes)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    lines = []
    for row, outcome in zip(rows, [None, *outcomes], strict=True):
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        mark = "" if outcome is None or outcome.green else "  RED"
        lines.append("  ".join(cells) + mark)
    return "\n".join(lines)


def markdown(outcomes: Sequence[Outcome], seconds: float) -> str:
    """Returns a table for the docs, which names each fault in words."""
    head = ["fault", *_COLUMNS[1:]]
    lines = [
        f"{len(outcomes)} cases in {seconds / 60:.0f} minutes, by `make torture`.",
        "",
        "| " + " | ".join(head) + " |",
        "|---" + "|---:" * (len(head) - 1) + "|",
    ]
    for outcome in outcomes:
        fault = CASES[outcome.case].fault + ("" if outcome.green else " **(red)**")
        lines.append("| " + " | ".join([fault, *_cells(outcome)[1:]]) + " |")
    return "\n".join(lines) + "\n"
