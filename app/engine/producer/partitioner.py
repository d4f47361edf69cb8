"""Kafka's own default partitioner. A Java program or a Kafka Streams join finds a key in the partition in
which it expects the key (docs/events.md#topics)."""

from functools import lru_cache
from typing import Final

try:
    from murmurhash2 import murmurhash2
except ImportError:
    from aiokafka.partitioner import murmur2

    ACCELERATED = False

    def murmurhash2(key: bytes, seed: int) -> int:  # noqa: ARG001
        """Returns the same hash, computed in Python. Its seed is always Kafka's."""
        return int(murmur2(key))

else:
    # perf: a key takes 0.14 us and not 3 us or more; plain form: the other branch. That one is for platforms
    # without a wheel of murmurhash2, and for a Python that breaks it, because its last release is of 2022.
    ACCELERATED = True

# Kafka's seed (org.apache.kafka.common.utils.Utils.murmur2). The sign bit is cleared, as in `toPositive`.
_SEED: Final = 0x9747B28C
_POSITIVE: Final = 0x7FFFFFFF

# Most keys come again soon. Long keys are not kept, because thousands of them could have a gigabyte.
_KEPT_KEYS: Final = 1 << 15
_KEPT_BYTES: Final = 200


def partition_of(key: bytes, partitions: int) -> int:
    """Returns the partition, 0 to `partitions - 1`, that Kafka's default partitioner gives a key."""
    return _kept(key, partitions) if len(key) <= _KEPT_BYTES else partition_of_new(key, partitions)


def partition_of_new(key: bytes, partitions: int) -> int:
    """Returns the same. It is for callers that ask for each key once, so keeping the answer gains nothing."""
    return int((murmurhash2(key, _SEED) & _POSITIVE) % partitions)


# perf: saves the change of threads: the library releases the interpreter's lock for each hash, and the
# consumer's thread takes it, which costs several times the hash itself; plain form: call partition_of_new.
_kept = lru_cache(maxsize=_KEPT_KEYS)(partition_of_new)
