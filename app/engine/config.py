"""Every option of the engine's consumers and producers, each value with its reason.

What operators may set is in `app.settings`.
"""

from dataclasses import dataclass
from typing import Literal

from msgspec import Struct

from app.engine.security import PLAINTEXT, ClientSecurity

Compression = Literal["gzip", "snappy", "lz4", "zstd"]
IsolationLevel = Literal["read_committed", "read_uncommitted"]


class ConsumerConfig(Struct, frozen=True, kw_only=True):
    """The options of the group's consumer. Times are seconds unless the name says otherwise."""

    # perf: with 4 MiB a fetch it saves 20 % of the CPU a record, compared with 1,000 records and 1 MiB
    # (docs/design.md#tuning); plain form: smaller numbers.
    slice_max_records: int = 4000
    """A larger number gains nothing, and keeps the event loop from heartbeats and health for longer."""

    slice_max_bytes: int = 8 * 1024 * 1024
    """Bounds the memory of a slice. A fetch is bounded in compressed bytes only, and can have a thousand
    times as many."""

    read_max_bytes: int = 16 * 1024 * 1024
    """Bounds what is taken out of the fetched batches at once, for all partitions: two full slices. The rest
    stays compressed until there is room."""

    max_partition_fetch_bytes: int = 4 * 1024 * 1024
    """Enough for a slice of records of 1 KiB. Kafka returns a single record that is larger anyway."""

    fetch_max_bytes: int = 32 * 1024 * 1024
    """Bounds one answer of a broker, and with it what is read ahead: eight full partitions."""

    fetch_max_wait_ms: int = 500
    """How long the broker may wait for new records before it answers (Faust: 1,500). It also bounds how long
    a seek waits behind a fetch that finds nothing."""

    # perf: saves a sixth of the CPU a record at a tenth of the capacity (make bench ARGS=latency);
    # plain form: 0.
    fetch_interval: float = 0.02
    """A fetch from a broker begins so long after the one before at the earliest. Without that, each finds the
    records of a moment, and a slice of few records costs nearly as much as one of hundreds. It is what Java's
    clients do with `fetch.min.bytes`, but a record that comes alone does not wait."""

    slices_per_partition: int = 4
    """The limit of slices that are dispatched and not acknowledged: one is being handled, one waits for its
    acknowledgement, and two are ready when those are done."""

    records_per_topic: int = 16_000
    """The limit of such records in all partitions of a topic: four full slices. It bounds the memory, and
    what a crash repeats."""

    bytes_in_all: int = 64 * 1024 * 1024
    """The limit of the bytes of such records in all topics: eight full slices. Beyond it each topic may still
    have one slice."""

    commit_interval: float = 0.5
    """A crash repeats what was handled since the last commit. A commit is one small request."""

    quiesce_timeout: float = 20.0
    """How long a revoke waits for the slices in flight; then the process ends, because a late write could
    land among those of the next owner. It is less than `rebalance_timeout`, after which the group goes on
    without this member."""

    expelled_timeout: float = 3.0
    """The same if the group has gone on without this member: it is short, because nothing can be committed,
    and a flush round that waits for a heartbeat will never go out. Only a restart helps."""

    session_timeout: float = 10.0
    """For this long nobody handles the partitions of a worker that was killed. Brokers allow 6 s and more."""

    group_instance_id: str = ""
    """Makes this worker a static member: if its process is killed, the next one with the same id takes its
    partitions over at once. Empty: a dynamic member, which has no id of its own."""

    heartbeat_interval: float = 1.0
    """Ten attempts within a session. It is also how soon a member hears of a rebalance."""

    rebalance_timeout: float = 60.0
    """How long the group waits for a member that quiesces. It is Kafka's own default."""

    @property
    def absence_limit(self) -> float:
        """How long a worker may be outside its group without a known cause: three sessions. But one slow
        member may hold up all others for `rebalance_timeout`, which is no fault of theirs."""
        return max(3 * self.session_timeout, self.rebalance_timeout + self.session_timeout)

    request_timeout: float = 40.0
    """aiokafka's default. Faust demands that it is above `session_timeout`."""

    max_poll_interval: float = 365 * 86_400.0
    """aiokafka leaves the group if nothing is fetched for this long, and does not join again before the next
    fetch, which never comes while the flow is stopped. Neither backpressure in an outage nor paused
    partitions may cause that, so it is a year; the watchdog ends a worker that really hangs."""

    metadata_max_age: float = 10.0
    """How soon a topic that was deleted and created again is read again (aiokafka: 300). It costs one small
    request each time."""

    security: ClientSecurity = PLAINTEXT

    isolation_level: IsolationLevel = "read_committed"
    """Whether records of aborted and open transactions are left out. It holds for all topics of the group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProducerConfig:
    """The options of a group-commit producer. Sizes are bytes."""

    bootstrap_servers: str
    security: ClientSecurity = PLAINTEXT
    # What each costs a record: docs/design.md#tuning.
    compression: Compression | None = None
    # A flush round goes out when the first of these two is reached. That is long enough to join the slices
    # that are mapped at the same time, and short compared with the commit interval.
    # perf: without it a worker that is always caught up paid two to three times as much a record
    # (docs/design.md#group-commit); plain form: linger_seconds = 0.
    linger_seconds: float = 0.01
    round_records: int = 4_000
    # If so many records are appended and not acknowledged, an agent waits between the parts of a slice. Five
    # vendors' topics have fewer records in flight (`records_per_topic`), unless one record becomes many.
    unacknowledged_records: int = 100_000
    # The same in bytes. At full speed an acknowledgement takes so little time that far less is under way.
    unacknowledged_bytes: int = 64 << 20
    # When a batch has this size, a new one is begun. It is below the broker's default limit, the next option.
    batch_bytes: int = 900_000
    # Kafka's default `max.message.bytes`. append() refuses a record that makes a larger batch on its own.
    largest_batch_bytes: int = 1_048_588
    # How much of one flush round is sent at once. A request is in memory three times: as batches, encoded,
    # and in the socket's buffer. A broker refuses requests of more than 100 MiB.
    request_group_bytes: int = 16_000_000
    request_timeout_seconds: float = 40.0
    # The group's session timeout. While the last answered heartbeat is older than this, flush rounds wait,
    # because another worker may own the partitions (docs/design.md#heartbeat-age).
    session_timeout_seconds: float = 10.0
    # How long a flush round waits before the process ends. A group coordinator that moves to another broker
    # takes about 11 s, and meanwhile no member is expelled. A member that was expelled hears so with its next
    # heartbeat; then its quiesce ends the process, because slices wait for that round.
    heartbeat_patience_seconds: float = 60.0
    # How long stop() waits for what is appended. The worker's own deadline is later.
    stop_timeout_seconds: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderConfig:
    """The options of a reader of logs that is in no group. Sizes are bytes, times milliseconds."""

    bootstrap_servers: str
    security: ClientSecurity = PLAINTEXT
    # Fetches are as large as the consumer's (docs/design.md#restore). `records_per_turn` records or
    # `bytes_per_turn` bytes block the event loop for about 50 ms; the largest row takes longer.
    max_partition_fetch_bytes: int = 4 * 1024 * 1024
    fetch_max_bytes: int = 32 * 1024 * 1024
    records_per_turn: int = 20_000
    bytes_per_turn: int = 4 * 1024 * 1024
    fetch_max_wait_ms: int = 100
    # A worker writes the changelogs without transactions, and its lag counts what an open one holds back.
    isolation_level: IsolationLevel = "read_uncommitted"


@dataclass(frozen=True, slots=True, kw_only=True)
class TablesConfig:
    """The options of both tables, of their changelogs and of the repair."""

    source: str
    """The canonical topic, which feeds both tables."""
    partitions: int
    """The partition count of the canonical topic and of both changelogs."""
    reader: ReaderConfig
    changelogs: tuple[str, str] | None = None
    """The names of the changelogs of the tables users and loyalty; None for Faust's own names."""
    # If nobody else writes to a log, a zombie's record in it is repaired after at most twice this time.
    scan_seconds: float = 30.0
    merge_all: bool = False
    """Whether a restore merges all versions of a key. Without it the producer ids in the changelogs save most
    merges; a log that was copied has lost the ids of its writers (docs/design.md#same-producer)."""
