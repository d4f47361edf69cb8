"""What the dashboard with the overview shows."""

from collections.abc import Sequence
from typing import Final, NamedTuple


class Panel(NamedTuple):
    """A chart: what it shows, the queries with what a line of each is called, and a unit of Grafana's."""

    title: str
    queries: Sequence[tuple[str, str]]
    unit: str = "short"
    help: str = ""
    limit: float | None = None
    """From here on a line is red."""


_SLICES: Final = (
    "histogram_quantile(0.99,"
    " sum by (le, stage) (rate(rollcall_slice_stage_seconds_bucket[$__rate_interval])))"
)

OVERVIEW: Final[dict[str, list[Panel]]] = {
    "Is it well?": [
        Panel(
            "Alerts that fire",
            [('count by (alertname) (ALERTS{alertname=~"Rollcall.*",alertstate="firing"})', "{{alertname}}")],
        ),
        Panel(
            "Workers that are ready", [("sum(rollcall_ready)", "ready"), ('sum(up{job="rollcall"})', "up")]
        ),
        Panel(
            "Events whose rows were late",
            [
                ("job:rollcall_freshness_missed:share5m", "5 min"),
                ("job:rollcall_freshness_missed:share1h", "1 h"),
            ],
            "percentunit",
            "The objective is 1 % of 30 days.",
            0.01,
        ),
        Panel("Lag", [("max by (topic) (rollcall_lag_seconds)", "{{topic}}")], "s", limit=120),
    ],
    "What comes in, and what becomes of it": [
        Panel("Records by vendor", [("vendor:rollcall_records_received:rate5m", "{{vendor}}")], "cps"),
        Panel(
            "Outcomes",
            [("sum by (outcome) (rate(rollcall_records_total[$__rate_interval]))", "{{outcome}}")],
            "cps",
        ),
        Panel(
            "Share of dead letters",
            [("vendor:rollcall_records_dead:share15m", "{{vendor}}")],
            "percentunit",
            limit=0.05,
        ),
        Panel("Paused", [("max by (vendor) (rollcall_vendor_held)", "{{vendor}}")], limit=1),
    ],
    "How the workers do": [
        Panel("Commit age", [("rollcall_commit_age_seconds", "{{instance}}")], "s", limit=60),
        Panel("Oldest write", [("rollcall_oldest_write_seconds", "{{instance}}")], "s", limit=10),
        Panel("Partitions", [("rollcall_partitions", "{{instance}}")]),
        Panel("Rows", [("sum by (table) (rollcall_table_rows)", "{{table}}")]),
        Panel("Slice, 99 of 100 within", [(_SLICES, "{{stage}}")], "s"),
        Panel(
            "Incidents",
            [("sum by (kind) (increase(rollcall_engine_incidents_total[$__rate_interval]))", "{{kind}}")],
        ),
        Panel("Restore, records to go", [("rollcall_recovery_records_to_go", "{{instance}}")]),
        Panel(
            "Open transactions", [("max by (topic) (rollcall_open_transaction_seconds)", "{{topic}}")], "s"
        ),
    ],
}
