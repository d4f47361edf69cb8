"""Where a key lives: Kafka's own default partitioner, so that a Java consumer or a Kafka Streams join
finds a key where it expects it (contract, section 1)."""

from functools import lru_cache
from typing import Final

from murmurhash2 import murmurhash2

# Kafka's seed (org.apache.kafka.common.utils.Utils.murmur2); the sign bit is cleared as in `toPositive`.
_SEED: Final = 0x9747B28C
_POSITIVE: Final = 0x7FFFFFFF


# Busy keys come again; longer ones are not kept, thousands of them could be a gigabyte.
_KEPT_KEYS: Final = 1 << 15
_KEPT_BYTES: Final = 200


def partition_of(key: bytes, partitions: int) -> int:
    """The partition, 0 to `partitions - 1`, that Kafka's default partitioner gives a non-null key."""
    return _kept(key, partitions) if len(key) <= _KEPT_BYTES else partition_of_new(key, partitions)


def partition_of_new(key: bytes, partitions: int) -> int:
    """The same, for keys of which each is asked for once."""
    return int((murmurhash2(key, _SEED) & _POSITIVE) % partitions)


# The library lets go of the interpreter's lock for each hash, and the consumer's thread takes it: that
# costs several times the hash itself.
_kept = lru_cache(maxsize=_KEPT_KEYS)(partition_of_new)
