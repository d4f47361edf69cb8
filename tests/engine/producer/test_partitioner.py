"""A key has the partition that Kafka's default partitioner gives it, by either of two hashes."""

import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aiokafka.partitioner import murmur2
from hypothesis import example, given
from hypothesis import strategies as st

from app.engine.producer import partitioner
from app.engine.producer.partitioner import partition_of, partition_of_new

ROOT = Path(__file__).parents[3]
# Utils.murmur2 of Kafka's own test (UtilsTest.testMurmur2).
KNOWN = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}
PARTITIONS = (1, 6, 1_000)
# Answers for the keys on stdin, one in hexadecimal a line, as if murmurhash2 were not installed.
WITHOUT_MURMURHASH2 = """
import json, sys
sys.modules["murmurhash2"] = None
from app.engine.producer import partitioner
keys = [bytes.fromhex(line) for line in sys.stdin.read().split("\\n")]
ways = (partitioner.partition_of, partitioner.partition_of_new)
places = [[[way(key, count) for count in json.loads(sys.argv[1])] for way in ways] for key in keys]
print(json.dumps([partitioner.ACCELERATED, places]))
"""


def some_keys() -> Iterator[bytes]:
    yield from KNOWN
    yield from (b"", b"\0", b"\xff\xfe\xfd", "magine/nordlys/Åsa-Ωμέγα-日本-🦊".encode(), b"k" * 10_000)
    drawn = random.Random(20_251)
    for length in range(300):
        yield drawn.randbytes(length)
    for number in range(2_000):
        yield b"selfcommunity/harbour/%d" % number


@given(st.binary(max_size=200), st.integers(1, 1_000))
@example(b"", 7)
@example(b"\xff\xfe\xfd", 12)
def test_a_key_lives_where_kafkas_default_partitioner_puts_it(key: bytes, partitions: int) -> None:
    assert partition_of(key, partitions) == (murmur2(key) & 0x7FFFFFFF) % partitions


@pytest.mark.parametrize("way", [partition_of, partition_of_new])
def test_known_places(way: Callable[[bytes, int], int]) -> None:
    for key, value in KNOWN.items():
        assert way(key, 100) == (value & 0x7FFFFFFF) % 100


def test_without_murmurhash2_every_key_has_the_same_partition() -> None:
    assert partitioner.ACCELERATED
    keys = list(some_keys())
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_MURMURHASH2, json.dumps(PARTITIONS)],
        input="\n".join(key.hex() for key in keys),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    accelerated, places = json.loads(done.stdout)
    assert not accelerated
    assert places == [
        [[way(key, count) for count in PARTITIONS] for way in (partition_of, partition_of_new)]
        for key in keys
    ]
