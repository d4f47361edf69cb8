"""A producer that writes in transactions, by librdkafka. Its functions block."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from tests.kafka import ToSend
from tests.waiting import GIVE_UP_SECONDS


class Transactions:
    """The transactions of one producer, which the caller begins and ends one after the other."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer

    def begin(self, topic: str, records: Iterable[ToSend]) -> list[tuple[int, int]]:
        """Begins a transaction and writes records in it, which must name their partition and have no
        headers. Returns their (partition, offset), those of a partition in order."""
        positions: list[tuple[int, int]] = []

        def delivered(error: KafkaError | None, message: "Message[bytes, bytes]") -> None:
            assert error is None, error.name()
            partition, offset = message.partition(), message.offset()
            assert partition is not None
            assert offset is not None
            positions.append((partition, offset))

        self._producer.begin_transaction()
        for record in records:
            assert record.partition is not None
            assert not record.headers
            self._producer.produce(topic, record.value, record.key, record.partition, delivered)
        assert self._producer.flush(GIVE_UP_SECONDS) == 0
        return positions

    def commit(self) -> None:
        self._producer.commit_transaction(GIVE_UP_SECONDS)

    def abort(self) -> None:
        self._producer.abort_transaction(GIVE_UP_SECONDS)


@contextmanager
def transactions(bootstrap: str, transactional_id: str) -> Iterator[Transactions]:
    """Gives a transactional producer. A transaction that is open at the end is aborted."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "transactional.id": transactional_id,
            # The broker ends no transaction of a slow test.
            "transaction.timeout.ms": round(1000 * GIVE_UP_SECONDS),
            "linger.ms": 0,
        }
    )
    producer.init_transactions(GIVE_UP_SECONDS)
    made = Transactions(producer)
    try:
        yield made
    finally:
        with suppress(KafkaException):
            made.abort()
