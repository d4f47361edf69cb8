"""Where a key lives: Kafka's own default partitioner, so that a Java consumer or a Kafka Streams join
finds a key where it expects it (contract, section 1)."""

from typing import Final

from murmurhash2 import murmurhash2

# Kafka's seed (org.apache.kafka.common.utils.Utils.murmur2); the sign bit is cleared as in `toPositive`.
_SEED: Final = 0x9747B28C
_POSITIVE: Final = 0x7FFFFFFF


def partition_of(key: bytes, partitions: int) -> int:
    """The partition, 0 to `partitions - 1`, that Kafka's default partitioner gives a non-null key."""
    return int((murmurhash2(key, _SEED) & _POSITIVE) % partitions)
