"""Settings of the group-commit producer. Sizes are bytes, times seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Compression = Literal["gzip", "snappy", "lz4", "zstd"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProducerConfig:
    bootstrap_servers: str
    # zstd costs +0.5 us a record, snappy +1.4, lz4 +4, gzip +7 (lane.md, section 3).
    compression: Compression | None = None
    # A round goes out when the first of the two is reached: long enough to join the slices that are
    # mapped at the same time, short against the seconds of a commit interval.
    linger_seconds: float = 0.01
    round_records: int = 4_000
    # A batch rolls over here; below the broker's default limit, which the next one mirrors.
    batch_bytes: int = 900_000
    # Kafka's default `max.message.bytes`: a record that alone makes a larger batch is refused by append().
    largest_batch_bytes: int = 1_048_588
    # What one round may have on the wire at once; a broker drops requests over 100 MiB.
    wave_bytes: int = 32_000_000
    request_timeout_seconds: float = 40.0
    # The group's session timeout: while the last answered heartbeat is older, rounds are held back, as
    # another worker may own the partitions.
    session_timeout_seconds: float = 10.0
    # How long one is held before the process ends. A group coordinator that moves to another broker
    # takes about 11 s, and nobody is expelled by one that is away; a member that was expelled hears so
    # within a heartbeat, and its quiesce then ends the process, as slices wait for the held round.
    lease_patience_seconds: float = 60.0
    # stop() waits this long for what is appended; the worker's own deadline lies behind it.
    stop_timeout_seconds: float = 5.0
    # Further options of aiokafka's client: security_protocol, ssl_context, sasl_*, client_id.
    client: Mapping[str, Any] = field(default_factory=dict)
