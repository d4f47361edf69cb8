"""A restart with a million users: how fast both changelogs are read back, and what the rows weigh."""

from typing import Final

from tests.bench.figures import Figure, Report
from tests.bench.options import BenchOptions
from tests.bench.rows import publish_rows
from tests.bench.worker import fresh_settings, rollcall, scraped

_USERS: Final = 1_000_000


def run_recovery(options: BenchOptions) -> Report:
    users = options.scaled(_USERS)
    settings = fresh_settings(options.broker)
    size = publish_rows(options.broker, settings.changelogs, users, settings.partitions_events)
    by_cpu, by_wall, resident, peak = [], [], [], []
    for _ in range(options.rounds):
        with rollcall(settings, options.core) as process:
            found = scraped(settings)
            records = found["rollcall_recovered_records_total"]
            by_wall.append(records / found["rollcall_recovery_seconds"])
            by_cpu.append(records / process.cpu_seconds())
            resident.append(process.resident_bytes() / 1e9)
            peak.append(process.peak_bytes() / 1e9)
    name = f"{users:,} users"
    return Report(
        [
            Figure("recovery", f"{name}, of the recovery itself", "rows/s wall", by_wall, "200,000"),
            Figure("recovery", f"{name}, of all CPU up to ready", "rows/CPU s", by_cpu, "200,000"),
            Figure("recovery", f"resident with both rows of {name}", "GB", resident, "at most 1.5"),
            Figure("recovery", f"the most that was resident, {name}", "GB", peak),
        ],
        [
            (
                f"recovery: a users and a loyalty row each, {size // users:,} bytes a user with the keys, one"
                " entry in the loyalty row; each is once in its log. A log that was not compacted for long"
                " has several rows of a key, which are compared or merged, and takes longer."
            ),
            (
                "recovery: all CPU up to ready includes the interpreter, imports and the join of the group."
                " The worker has one core where the system can pin it; the broker has the others."
            ),
        ],
    )
