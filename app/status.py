"""The shape of `/status.json`: what one worker says of itself.

The values are those of `/metrics`, so totals count from the start of the process, and a reader makes rates of
two answers. No member holds a payload or a personal value: names, counts, positions and times only. A member
that is null is not known. Members may be added; none is renamed or removed.
"""

from msgspec import Struct


class PartitionStatus(Struct, kw_only=True):
    """An assigned partition. The members of its lag and `age_seconds` are null while it is paused."""

    partition: int
    committed: int
    """The offset of the next record to handle, as it is committed."""
    end: int | None
    """The offset after the last record of the log, open transactions included."""
    lag_records: int | None
    """How many offsets are left to handle."""
    lag_seconds: float | None
    """The age of the next record to handle; 0 if there is none."""
    age_seconds: float | None
    """How long ago the brokers said where the log ends."""
    paused: str | None
    """Why the partition is paused; null if it is not."""


class TopicStatus(Struct, kw_only=True):
    """A topic that the worker reads, with its partitions in this worker."""

    topic: str
    vendor: str
    """The vendor whose topic it is; `events`: the canonical topic."""
    lag_records: int | None
    """The sum over the partitions whose lag is known; null if none is."""
    lag_seconds: float | None
    """The largest of these partitions; null if none is known."""
    partitions: list[PartitionStatus]


class VendorStatus(Struct, kw_only=True):
    """What became of a vendor's records. `received` is the sum of `emitted` and of all reasons."""

    vendor: str
    paused: bool
    received: int
    ahead: int
    """Events that are more than 5 minutes ahead of their record."""
    emitted: int
    skipped: dict[str, int]
    """By reason; `dead` as well."""
    dead: dict[str, int]
    events: dict[str, int]
    """Canonical events by type."""


class TableStatus(Struct, kw_only=True):
    """A table's rows in this worker."""

    table: str
    rows: int
    bytes: int
    """As they are kept, without their keys, counted every minute."""


class RestoreStatus(Struct, kw_only=True):
    """How far the restore under way has come."""

    rows_read: int
    rows_to_go: int
    """At most; compaction may have removed some of them."""
    seconds_left: float | None


class LatencyStatus(Struct, kw_only=True):
    """The freshness objective, and how old vendors' records were when their rows were acknowledged."""

    within_seconds: float
    """The objective: so soon the rows are in the changelogs."""
    good: int
    total: int
    buckets: list[tuple[float, int]]
    """Bounds in seconds, ascending, each with the number of events that took at most so long. `total` is that
    of all."""


class Status(Struct, kw_only=True):
    """The answer to `GET /status.json`."""

    version: str
    instance: str
    """The worker: its GROUP_INSTANCE_ID, else the name of its machine and its process id."""
    group: str
    """The consumer group, which is the app id."""
    time: str
    """When this answer was made, by the worker's clock. It may be a second old."""
    uptime_seconds: float
    ready: bool
    problems: list[str]
    """Why the worker is not ready, as `/readyz` says it."""
    rebalances: int
    partitions: int
    """How many partitions the group has given to this worker, changelogs included."""
    commit_age_seconds: float
    oldest_write_seconds: float
    oldest_dead_letter_seconds: float | None
    clock_difference_seconds: float | None
    """By how much the clock of this machine is ahead of that of the brokers."""
    latency: LatencyStatus
    topics: list[TopicStatus]
    vendors: list[VendorStatus]
    canonical_dead: dict[str, int]
    """Records of the canonical topic that became dead letters, by reason."""
    effects: dict[str, int]
    """What the events did to the rows."""
    duplicates: int
    """Repeats that came in one part of a slice."""
    incidents: dict[str, int]
    """What should be rare in the engine, by kind."""
    tables: list[TableStatus]
    restore: RestoreStatus | None
    """Null if no restore is under way."""
