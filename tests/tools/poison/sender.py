"""Writes doses, and keeps where each of their records is."""

import asyncio
import time
import uuid

from confluent_kafka import KafkaError, Message, Producer

from tests.kafka import enqueue
from tests.tools.faults.foreign import Foreign, RecordPosition
from tests.tools.poison.batches import as_read, raw_batch, send_raw
from tests.tools.poison.broken_batches import BrokenBatches
from tests.tools.poison.dose import CODEC_NAMES, Dose

_TIMEOUT_SECONDS = 120.0
_MOST_BYTES = 100_000_000


class Sender:
    """Tells `foreign` what the verifier has to know. Only one thread may use it."""

    def __init__(self, broker: str, foreign: Foreign, broken: BrokenBatches | None = None) -> None:
        """`broken`: needed for doses that are broken on the broker's disk."""
        self.kinds: dict[RecordPosition, str] = {}
        """The kind of each poisoned record, by its position."""
        self.sent: dict[str, int] = {}
        """How many records of each boundary were written."""
        self._broker = broker
        self._foreign = foreign
        self._broken = broken
        self._plain = self._producer({"enable.idempotence": True})

    def send(self, dose: Dose) -> None:
        """Returns when the dose is acknowledged and, if it is a transaction, ended."""
        positions = self._written(dose)
        self.kinds |= dict.fromkeys(positions, dose.kind)
        self.sent[dose.boundary] = self.sent.get(dose.boundary, 0) + len(positions)
        if dose.boundary == "vendor":
            self._foreign.vendor_records += len(positions)
        else:
            self._foreign.written |= set(positions)
        if dose.inflated:
            self._foreign.inflated |= set(positions)

    def _written(self, dose: Dose) -> list[RecordPosition]:
        match dose.form:
            case "plain":
                return self._produce(self._plain, dose)
            case "raw":
                return self._raw(dose)
            case "committed" | "aborted" | "broken":
                return self._transaction(dose)

    def _producer(self, options: dict[str, object]) -> Producer:
        return Producer(
            {
                "bootstrap.servers": self._broker,
                "partitioner": "murmur2_random",
                "message.max.bytes": _MOST_BYTES,
                "log_level": 0,
                **options,
            }
        )

    def _produce(self, producer: Producer, dose: Dose) -> list[RecordPosition]:
        positions: list[RecordPosition] = []
        refused: list[KafkaError] = []

        def delivered(error: KafkaError | None, message: "Message[bytes, bytes]") -> None:
            if error is not None:
                refused.append(error)
                return
            positions.append((dose.topic, message.partition() or 0, message.offset() or 0))

        for record in dose.records:
            enqueue(producer, dose.topic, record, delivered)
        left = producer.flush(_TIMEOUT_SECONDS)
        assert not left, f"{left} poisoned records ({dose.kind}) were not acknowledged"
        assert not refused, f"a broker refused poison ({dose.kind}): {refused[0].name()}"
        return positions

    def _raw(self, dose: Dose) -> list[RecordPosition]:
        partition = dose.records[0].partition or 0
        data = raw_batch(dose.records, dose.codec, odd_names=dose.odd_names)
        first = asyncio.run(send_raw(self._broker, dose.topic, partition, data, len(dose.records)))
        positions = [(dose.topic, partition, first + number) for number in range(len(dose.records))]
        if dose.odd_names:
            for position, record in zip(positions, dose.records, strict=True):
                self._foreign.headers[position] = as_read(list(record.headers))
        return positions

    def _transaction(self, dose: Dose) -> list[RecordPosition]:
        name = f"poison-{uuid.uuid4().hex[:12]}"
        producer = self._producer({"transactional.id": name, "compression.type": CODEC_NAMES[dose.codec]})
        producer.init_transactions(_TIMEOUT_SECONDS)
        producer.begin_transaction()
        positions = self._produce(producer, dose)
        if dose.damage is not None:
            assert self._broken is not None, "nobody breaks batches"
            self._broken.add(positions[0], dose.boundary, dose.damage)
        time.sleep(dose.open_seconds)
        if dose.form != "aborted":
            producer.commit_transaction(_TIMEOUT_SECONDS)
            return positions
        producer.abort_transaction(_TIMEOUT_SECONDS)
        return []
