from aiokafka.partitioner import murmur2
from hypothesis import example, given
from hypothesis import strategies as st

from app.lane.partitioner import partition_of


@given(st.binary(max_size=200), st.integers(1, 1_000))
@example(b"", 7)
@example(b"\xff\xfe\xfd", 12)
def test_a_key_lives_where_kafkas_default_partitioner_puts_it(key: bytes, partitions: int) -> None:
    assert partition_of(key, partitions) == (murmur2(key) & 0x7FFFFFFF) % partitions


def test_known_places() -> None:
    # Utils.murmur2 of Kafka's own test (UtilsTest.testMurmur2), positive, by 100.
    known = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536}
    for key, value in known.items():
        assert partition_of(key, 100) == (value & 0x7FFFFFFF) % 100
