"""What can be set about the consumer half of the lane, with the reason for each value."""

from msgspec import Struct


class LaneConfig(Struct, frozen=True, kw_only=True):
    """Times in seconds unless the name says otherwise."""

    slice_max_records: int = 4000
    """Measured: 4,000 records a slice and 4 MiB a fetch cost 20 % less CPU a record than 1,000 and
    1 MiB; more gains nothing and keeps the loop from heartbeats and health for longer."""

    slice_max_bytes: int = 8 * 1024 * 1024
    """The worst body we know takes a second a MiB to map: this is how long a slice can hold the loop."""

    max_partition_fetch_bytes: int = 4 * 1024 * 1024
    """Room for a slice of 1 KiB records. Kafka returns a larger single record all the same."""

    fetch_max_bytes: int = 32 * 1024 * 1024
    """A whole answer of one broker: eight full partitions; bounds what is read ahead."""

    fetch_max_wait_ms: int = 500
    """How long the broker may hold back an answer when there is nothing new (Faust: 1,500). It also
    bounds how long a new seek waits behind an idle fetch."""

    slices_per_partition: int = 4
    """Dispatched and unacknowledged: one is being handled, one waits for its acknowledgement, two
    are there when those are done."""

    records_per_topic: int = 16_000
    """The same for a topic, four full slices: bounds the memory, and what a crash repeats."""

    commit_interval: float = 0.5
    """A crash repeats at most what came in since the last commit; a commit is one small request."""

    quiesce_timeout: float = 20.0
    """Slices in flight at a revoke get this long, under `rebalance_timeout`, after which the group
    goes on without us. Then the process ends: a late write could hit the next owner's."""

    expelled_timeout: float = 3.0
    """The same once the group has gone on without us: nothing can be committed, and a round that the lease
    holds back will never go out. The restart is the way back, the sooner the better."""

    session_timeout: float = 10.0
    """A killed worker's partitions are silent for this long; the broker allows 6 s and up."""

    heartbeat_interval: float = 1.0
    """Ten chances within a session; it is also how soon a member hears of a rebalance."""

    rebalance_timeout: float = 60.0
    """How long the group waits for a member that quiesces. Kafka's own default."""

    request_timeout: float = 40.0
    """aiokafka's default; Faust wants it above `session_timeout`."""

    max_poll_interval: float = 3600.0
    """aiokafka leaves the group after this long without a fetch. Back-pressure in an outage must not
    look like that, and for a real hang there is the watchdog."""

    metadata_max_age: float = 10.0
    """How soon a topic that was deleted and made again is read again: until this many seconds later the
    group does not know of it (aiokafka: 300). One small request."""

    continuity_check: bool = True
    """Off only for compacted or transactional topics: their holes are normal, each costs a re-read."""
