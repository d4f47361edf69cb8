"""Every record that a producer can send gets one outcome and stops no worker."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from app.vendors import VENDORS
from tests.integration.recount import assert_everything
from tests.integration.worker import NOT_EXPELLED, Site, WorkerProcess
from tests.kafka import ToSend, produce
from tests.tools.bench.bodies import bodies
from tests.waiting import GIVE_UP_SECONDS

pytestmark = pytest.mark.untraced

MIB = 1 << 20
LATEST = 2**62


@pytest.fixture
def site(broker: str, unique: Callable[[str], str], tmp_path: Path) -> Site:
    site = Site(broker, unique, tmp_path, **NOT_EXPELLED)
    site.create_vendor_topics(max_message_bytes=str(8 * MIB))
    return site


@pytest.fixture
def worker(site: Site) -> Iterator[WorkerProcess]:
    with site.worker() as worker:
        yield worker.wait_ready()
        worker.stop()


def hostile_records(good: bytes) -> Iterator[ToSend]:
    for opening in (b"[", b'{"a":', b'{"data":[', b'{"user":{"a":[', b'["', b'"\\'):
        yield ToSend(None, opening * 100_000)
    # Nesting just within and just over the limit of the decoder's stack.
    for depth in range(680, 1010, 10):
        yield ToSend(None, b"[" * depth + b"]" * depth)
        yield ToSend(None, good[:-1] + b',"x":' + b"[" * depth + b"]" * depth + b"}")
    yield ToSend(None, b" " * (2 * MIB))
    yield ToSend(None, good[:-1] + b',"x":"' + b"x" * (2 * MIB) + b'"}')
    yield ToSend(None, good[:-1] + b',"x":' + b"9" * 500_000 + b"}")
    for body in (b"", b"\x00", b"\x00" * 1000, b"\xff\xfe{}", b"\xef\xbb\xbf" + good, good + b"\x00"):
        yield ToSend(None, body)
    yield ToSend(None, good.replace(b":", b":\xff", 1))
    yield ToSend(None, good[:-1] + b',"x":"\xff\xed\xa0\x80"}')
    yield ToSend(None, None)
    yield ToSend(b"", b"")
    yield ToSend(b"\xff\x00" * 5000, b"{}")
    headers: list[list[tuple[str, bytes | None]]] = [
        [("tenant", None)],
        [("tenant", b"\xff\xfe"), ("", b"")],
        [("tenant", b"/%\x00" * 20_000)],
        [("tenant", b"a"), ("TENANT", b"b" * 200_000)],
        [("webhook-id", b"i" * 200_000), ("x-fp-event-id", b"\x00\x7f")],
        [("x" * 30_000, b"v" * 900_000)],
        [(f"h{number}", b"v") for number in range(5000)],
        [("x-attempt", b"-1"), ("x-first-failed-at", None), ("x-reason", b"\xff")],
    ]
    for each in headers:
        yield ToSend(b"k", good, each)
        # Headers that look like ours are replaced in a dead letter, which test_worker_dead_letters.py tests.
        if not each[0][0].startswith("x-"):
            yield ToSend(b"k", b"{", each)
    for timestamp in (-1, 0, 1, LATEST):
        yield ToSend(None, good, [], timestamp)
        yield ToSend(None, b"{", [], timestamp)


def test_hostile_records_of_every_vendor(site: Site, worker: WorkerProcess) -> None:
    for vendor in VENDORS:
        topic = site.settings.topic_of(vendor)
        good = next(bodies(vendor, 1))
        produce(site.broker, topic, hostile_records(good))
        produce(site.broker, topic, [(None, body) for body in bodies(vendor, 20)])
    site.wait_at_rest()
    assert_everything(site, [worker])
    assert worker.get("/readyz")[0] == 200


def test_records_may_be_compressed_by_the_producer(site: Site, worker: WorkerProcess) -> None:
    codecs = ("gzip", "snappy", "lz4", "zstd")
    for codec in codecs:
        producer = Producer({"bootstrap.servers": site.broker, "compression.type": codec, "linger.ms": 50})
        for body in bodies("magine", 200):
            producer.produce(site.settings.topic_of("magine"), body)
        assert producer.flush(GIVE_UP_SECONDS) == 0
    site.wait_at_rest()
    assert assert_everything(site, [worker]).received["magine",] == 200 * len(codecs)


def test_transactions_are_read_like_everything_else(
    site: Site, worker: WorkerProcess, unique: Callable[[str], str]
) -> None:
    topic = site.settings.topic_of("magine")
    producer = Producer({"bootstrap.servers": site.broker, "transactional.id": unique("sender")})
    producer.init_transactions(GIVE_UP_SECONDS)
    for body in bodies("magine", 3):
        producer.begin_transaction()
        producer.produce(topic, body, partition=0)
        producer.commit_transaction(GIVE_UP_SECONDS)
    produce(site.broker, topic, [ToSend(None, body, partition=0) for body in bodies("magine", 5, first=5)])
    site.wait_at_rest()
    assert_everything(site, [worker])
