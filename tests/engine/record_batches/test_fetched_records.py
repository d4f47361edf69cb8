"""What one turn takes of the answers of a fetch, and what stays in memory until the next."""

import gc
import struct
import tracemalloc
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

from app.engine.record_batches.fetch_budget import TURN_BYTES, FetchBudget
from app.engine.record_batches.fetched_records import (
    NO_PRODUCER,
    AnswerReader,
    FetchResult,
    TakenRecords,
    _Answers,
)
from app.engine.record_batches.inflation import GZIP, LARGEST_BATCH, USUAL_BATCH, ZSTD
from app.engine.record_batches.lenient_records import LenientRecords
from app.engine.record_batches.open_batches import MOST_HEADERS, UnreadRecord

NONE = 0
STAMP = 1_700_000_000_000
_CRC, _COVERED = 17, 21
Headers = list[tuple[str, bytes | None]]


def batch(
    base: int,
    values: Sequence[bytes | None],
    codec: int = ZSTD,
    headers: Headers | None = None,
    producer: int = NO_PRODUCER,
) -> bytes:
    builder = DefaultRecordBatchBuilder(2, codec, False, producer, -1, -1, 1 << 30)
    for index, value in enumerate(values):
        builder.append(index, STAMP + index, None, value, headers or [])
    data = bytearray(builder.build())
    struct.pack_into(">q", data, 0, base)
    struct.pack_into(">I", data, _CRC, calc_crc32c(memoryview(data)[_COVERED:]))
    return bytes(data)


class _State:
    paused = False

    def __init__(self, position: int) -> None:
        self.position = position

    def consumed_to(self, position: int) -> None:
        self.position = position


class _Assignment:
    active = True

    def __init__(self, position: int) -> None:
        self.state = _State(position)

    def state_value(self, _: TopicPartition) -> _State:
        return self.state


class Client:
    """The part of a client that keeps answers and hands out records, without a broker."""

    def __init__(self, budget: FetchBudget | None = None) -> None:
        self.answers = _Answers(budget or FetchBudget())
        self.positions: dict[int, _State] = {}

    def receive(self, partition: int, data: bytes, position: int = 0) -> FetchResult:
        """Keeps an answer, as aiokafka's fetcher does."""
        assignment, tp = _Assignment(position), TopicPartition("topic", partition)
        self.positions[partition] = assignment.state
        records = fetcher.PartitionRecords(tp, LenientRecords(data), [], position, None, None, True, 0)
        result = FetchResult(tp, assignment=assignment, partition_records=records, backoff=0)
        self.answers[tp] = result
        return result

    def turn(self, most: int = 4_000) -> dict[int, list[Any]]:
        """Returns the records of one `getmany`, by partition."""
        found = {}
        for tp in list(self.answers.keys()):
            if records := self.answers[tp].getall(most):
                found[tp.partition] = records
                most -= len(records)
            if not self.answers[tp].has_more():
                del self.answers[tp]
            if not most:
                break
        return found

    def turns(self) -> list[dict[int, list[Any]]]:
        """Returns the records of all turns until nothing is left."""
        found = []
        while self.answers:
            found.append(self.turn())
            assert len(found) < 10_000, "it ends"
        return found


def offsets(records: Sequence[Any]) -> list[int]:
    return [record.offset for record in records]


def test_the_records_of_one_partition_are_bounded_in_a_turn_and_know_their_size() -> None:
    client = Client(FetchBudget(partition_bytes=1_000_000))
    for partition in (0, 1):
        client.receive(partition, batch(0, [bytes(2_000)] * 1_000))
    first: dict[int, Any] = dict(client.turn())
    # Records are decoded in groups of 256, and the last group may exceed the bound.
    assert {partition: len(found) for partition, found in first.items()} == {0: 512, 1: 512}
    assert all(512 * 2_000 < found.size < 512 * 3_000 for found in first.values())
    assert sum(len(records) for turn in client.turns() for records in turn.values()) == 2 * 488


@pytest.mark.parametrize("codec", [NONE, GZIP, ZSTD])
def test_usual_batches_are_taken_whole_and_in_order(codec: int) -> None:
    client = Client()
    client.receive(0, batch(0, [b"%d" % n for n in range(700)], codec) + batch(700, [b"x"] * 5, codec))
    (found,) = client.turns()
    assert offsets(found[0]) == list(range(705))
    assert [record.value for record in found[0][:700]] == [b"%d" % n for n in range(700)]
    assert client.positions[0].position == 705


@pytest.mark.parametrize("codec", [NONE, ZSTD])
@pytest.mark.parametrize("size", [10, USUAL_BATCH // 3])
def test_records_come_with_the_producer_id_of_their_batch(codec: int, size: int) -> None:
    client = Client()
    producers = (7, 7, NO_PRODUCER, 1 << 40, 7)
    batches = (batch(3 * n, [bytes(size)] * 3, codec, producer=id_) for n, id_ in enumerate(producers))
    client.receive(0, b"".join(batches))
    runs: list[tuple[int, list[int]]] = []
    while client.answers:
        # A batch may be taken in parts.
        for taken in client.turn(4).values():
            assert isinstance(taken, TakenRecords)
            runs += [(producer, offsets(records)) for producer, records in taken.by_producer()]
    read = [(producer, offset) for producer, found in runs for offset in found]
    assert read == [(producers[offset // 3], offset) for offset in range(15)]
    assert (7, [0, 1, 2, 3]) in runs


def test_a_batch_of_an_old_format_has_no_producer_id() -> None:
    builder = LegacyRecordBatchBuilder(1, NONE, 1 << 20)
    builder.append(0, STAMP, None, b"x")
    client = Client()
    client.receive(0, bytes(builder.build()))
    (taken,) = client.turn().values()
    assert isinstance(taken, TakenRecords)
    assert [(producer, offsets(records)) for producer, records in taken.by_producer()] == [(NO_PRODUCER, [0])]


@pytest.mark.parametrize("size", [100, USUAL_BATCH // 10])
def test_a_turn_ends_at_its_number_of_records_and_goes_on_in_the_next(size: int) -> None:
    client = Client()
    client.receive(0, batch(0, [bytes(size)] * 20))
    assert offsets(client.turn(7)[0]) == list(range(7))
    assert client.positions[0].position == 7
    assert offsets(client.turn(100)[0]) == list(range(7, 20))


@pytest.mark.parametrize("codec", [NONE, ZSTD])
@pytest.mark.parametrize("size", [100, USUAL_BATCH // 10])
def test_an_answer_that_begins_before_the_position_is_read_from_there(codec: int, size: int) -> None:
    client = Client()
    client.receive(0, batch(0, [bytes(size)] * 20, codec), position=13)
    (found,) = client.turns()
    assert offsets(found[0]) == list(range(13, 20))


def test_a_large_batch_has_the_records_that_it_would_have_as_a_usual_one() -> None:
    values = [bytes(n) for n in (0, 5, 100_000, 3 << 20, 7, 5 << 20)] + [b"x", None] * 1_000
    headers: Headers = [("tenant", b"acme"), ("none", None)]
    client = Client()
    client.receive(0, batch(10, values, ZSTD, headers))
    found = [record for turn in client.turns() for record in turn[0]]
    assert offsets(found) == list(range(10, 10 + len(values)))
    assert [record.value for record in found] == values
    assert [record.timestamp for record in found] == [STAMP + n for n in range(len(values))]
    assert {tuple(record.headers) for record in found} == {tuple(headers)}


def test_a_batch_at_the_bound_is_read_and_one_over_it_is_not() -> None:
    # What a record of one value has besides the value.
    overhead = len(batch(0, [bytes(LARGEST_BATCH)], NONE)) - LARGEST_BATCH - 61
    client = Client()
    client.receive(0, batch(0, [bytes(LARGEST_BATCH - overhead)]))
    client.receive(1, batch(0, [bytes(LARGEST_BATCH - overhead + 1)]))
    found = {partition: records for turn in client.turns() for partition, records in turn.items()}
    assert len(found[0][0].value) == LARGEST_BATCH - overhead
    assert found[1] == [UnreadRecord(0, STAMP, f"its batch: expected at most {LARGEST_BATCH} bytes")]


def test_each_offset_of_a_batch_that_is_not_read_is_said_from_the_position_on() -> None:
    client = Client()
    bomb = batch(5, [b"a", bytes(LARGEST_BATCH), b"b"])
    client.receive(0, bomb + batch(8, [b"next"]), position=6)
    found = [record for turn in client.turns() for record in turn[0]]
    assert offsets(found) == [6, 7, 8]
    assert [type(record) is UnreadRecord for record in found] == [True, True, False]
    assert {record.timestamp for record in found[:2]} == {STAMP + 2}


def test_two_billion_stated_offsets_are_said_in_parts() -> None:
    data = bytearray(batch(0, [bytes(LARGEST_BATCH)]))
    struct.pack_into(">i", data, 23, 2**31 - 1)
    struct.pack_into(">I", data, _CRC, calc_crc32c(memoryview(data)[_COVERED:]))
    client = Client()
    client.receive(0, bytes(data))
    assert offsets(client.turn(3)[0]) == [0, 1, 2]
    assert offsets(client.turn(3)[0]) == [3, 4, 5]


def test_a_turn_takes_a_bounded_number_of_bytes_of_all_partitions() -> None:
    client = Client()
    values = [bytes(1 << 20)] * 3
    for partition in range(4):
        client.receive(partition, b"".join(batch(3 * n, values) for n in range(20)))
    turns = client.turns()
    taken = [sum(len(each.value) for records in turn.values() for each in records) for turn in turns]
    assert max(taken) <= TURN_BYTES + USUAL_BATCH
    assert sum(taken) == 4 * 20 * 3 << 20
    for partition in range(4):
        found = [record for turn in turns for record in turn.get(partition, ())]
        assert offsets(found) == list(range(60))


def test_no_partition_waits_until_another_one_is_exhausted() -> None:
    client = Client()
    client.receive(0, b"".join(batch(3 * n, [bytes(1 << 20)] * 3) for n in range(40)))
    client.receive(1, batch(0, [b"small"]))
    assert 1 in {**client.turn(), **client.turn()}


def test_one_partition_has_a_large_batch_at_a_time_and_usual_ones_go_on() -> None:
    large = [b"x" * 600] * 10_000
    client = Client()
    first = client.receive(0, batch(0, large))
    second = client.receive(1, batch(0, [b"usual"]) + batch(1, large))
    seen = []
    while client.answers:
        seen += [list(client.turn())]
        assert not (first.reader.has_large and second.reader.has_large)
    assert [1] in [partitions[:1] for partitions in seen[:2]] or [0, 1] in seen[:2]
    assert client.positions[0].position == 10_000
    assert client.positions[1].position == 10_001


def test_partitions_take_turns_with_large_batches() -> None:
    large = [b"x" * 600] * 8_000
    client = Client()
    for partition in range(3):
        client.receive(partition, b"".join(batch(8_000 * n, large) for n in range(4)))
    most = 0
    while client.answers:
        client.turn()
        done = [client.positions[partition].position // 8_000 for partition in range(3)]
        most = max(most, max(done) - min(done))
    assert most <= 2


def test_a_large_batch_that_is_dropped_holds_up_no_other() -> None:
    """A seek and a revoke drop the answer of a partition."""
    large = [b"x" * 600] * 10_000
    client = Client()
    client.receive(0, batch(0, large))
    client.receive(1, batch(0, large))
    owner = next(iter(client.turn()))
    del client.answers[TopicPartition("topic", owner)]
    assert set(client.turn()) == {1 - owner}


def test_an_answer_that_is_dropped_is_freed_without_the_garbage_collector() -> None:
    client = Client()
    result = client.receive(0, batch(0, [b"x" * 600] * 10_000))
    kept = weakref.ref(result.reader), weakref.ref(result._partition_records)
    del result
    client.turn()
    gc.disable()
    try:
        client.answers.clear()
        assert [each() for each in kept] == [None, None]
    finally:
        gc.enable()


@pytest.mark.parametrize("more", [0, USUAL_BATCH])
def test_a_record_with_too_many_headers_is_not_read_and_its_neighbours_are(more: int) -> None:
    headers: Headers = [("", None)] * (MOST_HEADERS + 1)
    odd = [*headers, ("", bytes(more))]
    builder = DefaultRecordBatchBuilder(2, ZSTD, False, -1, -1, -1, 1 << 30)
    for index, each in enumerate(([], odd, headers[:-1])):
        builder.append(index, STAMP + index, b"key", b"value", each)
    data = bytearray(builder.build())
    struct.pack_into(">I", data, _CRC, calc_crc32c(memoryview(data)[_COVERED:]))
    client = Client()
    client.receive(0, bytes(data))
    found = [record for turn in client.turns() for record in turn[0]]
    assert [record.value for record in found] == [b"value", None, b"value"]
    assert found[1] == UnreadRecord(1, STAMP + 1, f"its headers: expected at most {MOST_HEADERS}")


def test_the_headers_of_a_huge_record_are_counted_before_it_is_decoded() -> None:
    client = Client()
    client.receive(0, batch(0, [bytes(USUAL_BATCH)], ZSTD, [("", None)] * 1_000_000))
    tracemalloc.start()
    try:
        ((record,),) = client.turn().values()
        assert tracemalloc.get_traced_memory()[1] < 10 * USUAL_BATCH
    finally:
        tracemalloc.stop()
    assert type(record) is UnreadRecord


def test_headers_count_as_memory() -> None:
    client = Client()
    headers: Headers = [("", None)] * 1_000
    client.receive(0, batch(0, [b""] * 2_000, ZSTD, headers))
    assert max(sum(map(len, turn.values())) for turn in client.turns()) < 600


def flipped(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


def compressed_by_nobody_knows_what(data: bytes) -> bytes:
    changed = bytearray(data)
    changed[22] |= 5
    struct.pack_into(">I", changed, _CRC, calc_crc32c(memoryview(changed)[_COVERED:]))
    return bytes(changed)


@pytest.mark.parametrize("damage", [flipped, compressed_by_nobody_knows_what])
def test_a_corrupt_batch_is_raised_when_it_is_the_next_one(damage: Callable[[bytes], bytes]) -> None:
    good, broken = batch(0, [b"a", b"b"]), damage(batch(2, [b"c"]))
    client = Client()
    client.receive(0, good + broken)
    assert offsets(client.turn()[0]) == [0, 1]
    assert not client.answers, "the batch is fetched again"
    client.receive(0, broken + batch(3, [b"d"]), position=2)
    for _ in range(2):
        result = client.answers[TopicPartition("topic", 0)]
        if result.has_more():
            with pytest.raises(CorruptRecordException):
                result.getall(10)
        assert result.getall(10) == []
    assert client.positions[0].position == 2


def test_a_transaction_that_was_aborted_never_happened() -> None:
    def transactional(base: int, producer: int, marker: bytes | None = None) -> bytes:
        builder = DefaultRecordBatchBuilder(2, NONE, True, producer, 0, 0, 1 << 20)
        builder.append(0, STAMP, marker, b"value", [])
        data = bytearray(builder.build())
        struct.pack_into(">q", data, 0, base)
        data[22] |= 0x20 if marker else 0
        struct.pack_into(">I", data, _CRC, calc_crc32c(memoryview(data)[_COVERED:]))
        return bytes(data)

    abort, commit = b"\0\0\0\0", b"\0\0\0\1"
    data = (
        transactional(0, 7) + transactional(1, 8) + transactional(2, 7, abort) + transactional(3, 8, commit)
    )
    data += transactional(4, 7) + transactional(5, 7, commit)
    for isolation, expected in ((fetcher.READ_COMMITTED, [1, 4]), (fetcher.READ_UNCOMMITTED, [0, 1, 4])):
        tp = TopicPartition("topic", 0)
        records = fetcher.PartitionRecords(tp, LenientRecords(data), [(7, 0)], 0, None, None, True, isolation)
        reader = AnswerReader(records)
        assert offsets(reader.take(10, FetchBudget())) == expected
        assert (reader.exhausted, records.next_fetch_offset) == (True, 6)


def test_getone_takes_one_record_after_the_other() -> None:
    client = Client()
    result = client.receive(0, batch(0, [b"a", b"b"]))
    assert [result.getone().offset, result.getone().offset] == [0, 1]
    assert result.getone() is None
    assert not result.has_more()


def test_a_client_that_asks_for_it_gets_aiokafkas_records() -> None:
    client = Client()
    result = client.receive(0, batch(0, [b"a", bytes(LARGEST_BATCH)]))
    result.budget = None
    first, second = result.getall()
    assert (first.topic, first.partition, first.offset, second.offset) == ("topic", 0, 0, 1)
    assert first.value is None


def test_an_old_format_is_bounded_too() -> None:
    builder = LegacyRecordBatchBuilder(1, GZIP, 1 << 30)
    for offset in range(2):
        builder.append(offset, timestamp=STAMP, key=None, value=bytes(LARGEST_BATCH // 2))
    data = bytearray(builder.build())
    client = Client()
    client.receive(0, bytes(data))
    ((record,),) = [records for turn in client.turns() for records in turn.values()]
    assert type(record) is UnreadRecord


def test_the_budget_belongs_to_one_turn() -> None:
    budget = FetchBudget()
    budget.left -= TURN_BYTES
    records = fetcher.PartitionRecords(
        TopicPartition("topic", 0), LenientRecords(batch(0, [b"a"])), [], 0, None, None, True, 0
    )
    reader = AnswerReader(records)
    assert reader.take(10, budget) == []
    assert not reader.exhausted
    budget.begin_turn()
    assert offsets(reader.take(10, budget)) == [0]
