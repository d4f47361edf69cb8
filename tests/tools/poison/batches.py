"""Batches whose bytes are made here, because no client makes such ones."""

import struct
from collections.abc import Sequence
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from aiokafka.record.util import calc_crc32c

from tests.kafka import Headers, ToSend

ODD_NAME: Final = "MARKED"
"""The name that stands in a record for a name that is not UTF-8."""
_ODD: Final = b"\xff\xfe\xfd\xc3ab"
_AS_READ: Final = _ODD.decode("utf-8", "replace")
# The offset of the checksum in a batch, and the offset at which the bytes begin that it covers.
_CRC, _COVERED = 17, 21
_MOST: Final = 1 << 31


def raw_batch(records: Sequence[ToSend], codec: int, *, odd_names: bool) -> bytes:
    """Returns the bytes of a batch. `codec`: 0 or that of Kafka's attributes; `odd_names`: whether the header
    names ODD_NAME become others, which is possible only without compression."""
    builder = _DefaultRecordBatchBuilderPy(2, codec, 0, -1, -1, -1, _MOST)
    for offset, record in enumerate(records):
        builder.append(offset, record.timestamp, record.key, record.value, list(record.headers))
    data = bytearray(builder.build())
    if odd_names:
        data = bytearray(bytes(data).replace(ODD_NAME.encode(), _ODD))
        struct.pack_into(">I", data, _CRC, calc_crc32c(memoryview(data)[_COVERED:]))
    return bytes(data)


def as_read(headers: Headers) -> Headers:
    """Returns the headers of a record as they must be read: a name that is not UTF-8 is repaired."""
    return [(name.replace(ODD_NAME, _AS_READ), value) for name, value in headers]


async def send_raw(broker: str, topic: str, partition: int, data: bytes, count: int) -> int:
    """Writes a batch of `count` records, and returns the offset of its first one."""
    producer = AIOKafkaProducer(bootstrap_servers=broker, max_request_size=_MOST)
    await producer.start()
    try:
        batch = producer.create_batch()
        for _ in range(count):
            batch.append(key=None, value=b"", timestamp=None)
        batch.close()
        batch._build = lambda: data
        written = await (await producer.send_batch(batch, topic, partition=partition))
        return int(written.offset)
    finally:
        await producer.stop()
