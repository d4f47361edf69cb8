"""Which produce errors belong to one record, and what is sent in place of a batch that was refused."""

import pytest
from aiokafka import errors
from aiokafka.producer.message_accumulator import BatchBuilder

from app.engine.producer.batches import Batch, FlushBatches, instead_of
from app.engine.producer.refusals import NoAnswer, OnRefused, Refusal, Written, is_of_a_record, refusal_of

# The error codes with which a broker answers a produce request because of one record, by Kafka's protocol.
FOR_A_RECORDS_SAKE = {
    2: Refusal.CORRUPT,
    10: Refusal.SIZE,
    18: Refusal.SIZE,
    32: Refusal.STAMP,
    44: Refusal.FORM,
    87: Refusal.FORM,
}


def builder() -> BatchBuilder:
    return BatchBuilder(10_000, 0)


def batch_of(*keys: bytes | None, on_refused: OnRefused | None = None) -> Batch:
    batch = Batch(builder())
    for key in keys:
        assert batch.append(key, b"value", [("h", None)], on_refused)
    return batch


def keys_of(batch: Batch) -> list[bytes | None]:
    return [written.key for written, _ in batch.records()]


@pytest.mark.parametrize("code", range(-1, 130))
def test_each_error_code_either_belongs_to_a_record_or_ends_the_worker(code: int) -> None:
    error = errors.for_code(code)()
    assert refusal_of(error) is FOR_A_RECORDS_SAKE.get(code)


@pytest.mark.parametrize("code", FOR_A_RECORDS_SAKE)
def test_what_belongs_to_a_record_is_not_sent_again_for_ever_by_the_client(code: int) -> None:
    assert not errors.for_code(code).retriable


@pytest.mark.parametrize(
    ("error", "of_a_record"),
    [
        (errors.TopicAuthorizationFailedError(), False),
        (errors.UnknownTopicOrPartitionError(), False),
        (errors.ProducerFenced(), False),
        (errors.for_code(32)(), False),  # the clocks
        (errors.MessageSizeTooLargeError(), True),
        (errors.for_code(87)(), True),
        (errors.UnknownError(), True),
        (KeyError(), True),
        (MemoryError(), True),
    ],
)
def test_brokers_and_rights_are_not_taken_for_a_record(error: Exception, of_a_record: bool) -> None:
    assert is_of_a_record(error) is of_a_record


@pytest.mark.parametrize(
    "error", [errors.KafkaTimeoutError(), errors.ProducerFenced(), errors.KafkaError(), OSError(), KeyError()]
)
def test_what_is_no_answer_of_a_broker_ends_the_worker(error: Exception) -> None:
    assert refusal_of(error) is None


def test_a_batch_gives_back_what_it_was_made_of_and_whose_it_is() -> None:
    def one(_: Written, __: Refusal) -> None: ...
    def two(_: Written, __: Refusal) -> None: ...

    batch = Batch(builder())
    given: list[tuple[Written, OnRefused | None]] = [
        (Written(b"a", b"1", [("h", b"v"), ("h", None), ("", b"")]), None),
        (Written(None, None, []), one),
        (Written(b"", b"", []), one),
        (Written(b"b", b"2", []), two),
        (Written(b"c", b"3", []), None),
        (Written(b"d", b"4", []), one),
    ]
    for (key, value, headers), owner in given:
        batch.append(key, value, list(headers), owner)
    assert list(batch.records()) == given


@pytest.mark.parametrize("refusal", [Refusal.SIZE, Refusal.FORM])
@pytest.mark.parametrize("count", [2, 3, 10])
def test_several_records_are_halved_in_their_order(refusal: Refusal, count: int) -> None:
    keys = [b"%d" % number for number in range(count)]
    parts = instead_of(batch_of(*keys), refusal, builder)
    assert len(parts) == 2
    assert [key for part in parts for key in keys_of(part)] == keys


@pytest.mark.parametrize("refusal", [Refusal.STAMP, Refusal.CORRUPT])
def test_a_whole_batch_is_made_again_once(refusal: Refusal) -> None:
    (again,) = instead_of(batch_of(b"a", b"b"), refusal, builder)
    assert keys_of(again) == [b"a", b"b"]
    if refusal is Refusal.STAMP:
        with pytest.raises(NoAnswer):
            instead_of(again, refusal, builder)
    else:
        parts = instead_of(again, refusal, builder)
        assert [keys_of(part) for part in parts] == [[b"a"], [b"b"]]
        with pytest.raises(NoAnswer):
            instead_of(parts[0], refusal, builder)


@pytest.mark.parametrize("refusal", [Refusal.SIZE, Refusal.FORM])
def test_a_record_alone_is_answered_by_its_owner(refusal: Refusal) -> None:
    seen = []

    def smaller(written: Written, why: Refusal) -> Written | None:
        seen.append((written.key, why))
        return Written(None, b"less") if written.key else None

    (instead,) = instead_of(batch_of(b"a", on_refused=smaller), refusal, builder)
    assert [(written.key, written.value) for written, _ in instead.records()] == [(None, b"less")]
    assert instead_of(instead, refusal, builder) == []
    assert seen == [(b"a", refusal), (None, refusal)]
    with pytest.raises(NoAnswer):
        instead_of(batch_of(b"a"), refusal, builder)


def test_a_round_keeps_the_owner_of_each_record() -> None:
    def one(_: Written, __: Refusal) -> None: ...

    round_ = FlushBatches("t", lambda: BatchBuilder(200, 0), 10_000)
    for number in range(20):
        round_.append(0, b"%d" % number, b"x" * 20, (), one if number % 2 else None)
    found = []
    while group := round_.next_request_group(10_000):
        found += [owned for _, batch in group for owned in batch.records()]
    assert [written.key for written, _ in found] == [b"%d" % number for number in range(20)]
    assert [owner for _, owner in found] == [one if number % 2 else None for number in range(20)]
