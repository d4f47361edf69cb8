"""A header name that is not UTF-8, which any producer in C can send: plain aiokafka would end the worker."""

import struct
from collections.abc import Callable
from pathlib import Path

from aiokafka import AIOKafkaProducer
from aiokafka.record.util import calc_crc32c

from tests.integration.worker import NOT_EXPELLED, Site
from tests.kafka import ToSend, consume_all, produce

_PLACEHOLDER, _NOT_UTF_8 = b"MARK", b"\xff\xfe\xfdX"
# The offset of the checksum in a record batch, and the offset at which the bytes begin that it covers.
_CRC, _COVERED = 17, 21


async def send_with_odd_header(broker: str, topic: str, value: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=broker)
    await producer.start()
    batch = producer.create_batch()
    batch.append(key=None, value=value, timestamp=None, headers=[(_PLACEHOLDER.decode(), b"kept")])
    batch.close()
    build = batch._build

    def with_odd_name() -> bytearray:
        data = bytearray(bytes(build()).replace(_PLACEHOLDER, _NOT_UTF_8))
        struct.pack_into(">I", data, _CRC, calc_crc32c(memoryview(data)[_COVERED:]))
        return data

    batch._build = with_odd_name
    await (await producer.send_batch(batch, topic, partition=0))
    await producer.stop()


async def test_it_costs_nothing_but_the_name(
    broker: str, unique: Callable[[str], str], tmp_path: Path
) -> None:
    site = Site(broker, unique, tmp_path, **NOT_EXPELLED)
    site.create_vendor_topics()
    topic = site.settings.topic_of("fynd")
    await send_with_odd_header(broker, topic, b"{")
    produce(broker, topic, [ToSend(None, b"{", partition=0)])
    with site.worker() as worker:
        worker.wait_ready()
        site.wait_at_rest()
    dead_letters = consume_all(broker, site.settings.topic_dead_letter)
    assert [dead_letter.value for dead_letter in dead_letters] == [b"{", b"{"]
    assert [value for _, value in dead_letters[0].headers if value == b"kept"] == [b"kept"]
