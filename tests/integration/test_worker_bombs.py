"""Batches of a few KiB that inflate to more than a worker reads: no worker takes the memory, and each of
their offsets has an outcome."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from confluent_kafka import Producer

from app.engine.record_batches.inflation import LARGEST_BATCH
from tests.integration.worker import NOT_EXPELLED, Site, WorkerProcess
from tests.kafka import Record, ToSend, consume_all, create_topics, produce
from tests.waiting import GIVE_UP_SECONDS

pytestmark = pytest.mark.untraced

CODECS = {"amity": "zstd", "fynd": "gzip", "magine": "lz4", "rocketchat": "snappy"}
STAMPS = (1_700_000_000_000, 1_700_000_009_000, 1_700_000_003_000)
BOMB = bytes(LARGEST_BATCH + 1)
MOST_BYTES = 600 << 20


def send_batch(
    broker: str, topic: str, values: Sequence[bytes], codec: str, key: bytes | None = None
) -> None:
    """Sends all values in one batch to partition 0."""
    producer = Producer(
        {
            "bootstrap.servers": broker,
            "compression.type": codec,
            # Nothing is sent before `flush`, however slowly the values are handed over.
            "linger.ms": round(1000 * GIVE_UP_SECONDS),
            "batch.size": 1 << 30,
            "message.max.bytes": 1_000_000_000,
        }
    )
    for value, stamp in zip(values, STAMPS, strict=True):
        producer.produce(topic, value, key, partition=0, timestamp=stamp)
    assert producer.flush(GIVE_UP_SECONDS) == 0


def peak_bytes(worker: WorkerProcess) -> int:
    """Returns the most memory that the process has had so far."""
    status = Path(f"/proc/{worker.pid}/status").read_text("utf-8")
    (kib,) = re.findall(r"VmHWM:\s+(\d+) kB", status)
    return int(kib) << 10


def text_headers(record: Record) -> Mapping[str, str]:
    return {name: (value or b"").decode() for name, value in record.headers}


@pytest.fixture
def site(broker: str, unique: Callable[[str], str], tmp_path: Path) -> Site:
    site = Site(broker, unique, tmp_path, **NOT_EXPELLED)
    site.create_vendor_topics(max_message_bytes=str(8 << 20))
    return site


def assert_not_read(dead_letters: Sequence[Record], topic: str, vendor: str) -> None:
    """Every offset of the batch is a dead letter of its own."""
    headers = [text_headers(each) for each in dead_letters]
    assert [each["__connect.errors.offset"] for each in headers] == ["0", "1", "2"]
    for each in headers:
        assert each["__connect.errors.topic"] == topic
        assert each["__connect.errors.partition"] == "0"
        assert each["x-vendor"] == vendor
        assert each["x-reason"] == "too_large"
        assert each["x-truncated"] == "true"
        assert each["x-original-timestamp"] == str(max(STAMPS))
    assert {(each.key, each.value) for each in dead_letters} == {(None, None)}


def test_every_offset_of_a_bomb_is_a_dead_letter_whatever_the_codec(site: Site) -> None:
    topics = {vendor: site.settings.topic_of(vendor) for vendor in CODECS}
    for vendor, codec in CODECS.items():
        send_batch(site.broker, topics[vendor], [b"{", BOMB, b"{"], codec)
        produce(site.broker, topics[vendor], [ToSend(None, b"{", partition=0)])
    with site.worker() as worker:
        worker.wait_ready()
        site.wait_at_rest()
        received = worker.metric("rollcall_records_received_total", "vendor")
        dead = worker.metric("rollcall_records_total", "vendor", "outcome", "reason")
        assert peak_bytes(worker) < MOST_BYTES
        worker.stop()
    for vendor in CODECS:
        assert received[vendor,] == 4
        assert dead[vendor, "dead", "too_large"] == 3
        assert dead[vendor, "dead", "not_json"] == 1
    found = consume_all(site.broker, site.settings.topic_dead_letter)
    for vendor, topic in topics.items():
        of_it = [each for each in found if text_headers(each)["__connect.errors.topic"] == topic]
        *not_read, read = sorted(of_it, key=lambda each: text_headers(each)["__connect.errors.offset"])
        assert read.value == b"{"
        assert_not_read(not_read, topic, vendor)


def test_a_bomb_on_our_own_topics_stops_no_worker(site: Site) -> None:
    """On the canonical topic it is dead. In a changelog it counts as not written."""
    settings = site.settings
    create_topics(site.broker, {settings.topic_events: 3}, cleanup_policy="delete")
    create_topics(site.broker, dict.fromkeys(settings.changelogs, 3), cleanup_policy="compact")
    for topic in (settings.topic_events, *settings.changelogs):
        send_batch(site.broker, topic, [b"{", BOMB, b"{"], "zstd", b"key")
    with site.worker() as worker:
        worker.wait_ready()
        site.wait_at_rest()
        skipped = worker.metric("rollcall_changelog_records_skipped_total", "kind")
        dead = worker.metric("rollcall_canonical_records_dead_total", "reason")
        assert peak_bytes(worker) < MOST_BYTES
        worker.stop()
    assert skipped == {("not_read",): 6}
    assert dead == {("too_large",): 3}
    found = consume_all(site.broker, settings.topic_dead_letter)
    assert_not_read(found, settings.topic_events, "canonical")
