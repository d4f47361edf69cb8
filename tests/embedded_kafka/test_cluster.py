"""A real broker: it serves, keeps its data, and says why if it does not start."""

import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from app.embedded_kafka import EmbeddedKafka, EmbeddedKafkaError
from app.embedded_kafka.properties import free_ports
from tests.embedded_kafka.processes import is_gone
from tests.kafka import consume_all, create_topics, produce
from tests.waiting import GIVE_UP_SECONDS, wait_until

pytestmark = pytest.mark.kafka

# A node that was killed can come back only after its old session has ended, by default 9 s later.
_QUICK_RETURN = {"broker.session.timeout.ms": "2000", "broker.heartbeat.interval.ms": "500"}


@pytest.fixture(scope="module")
def kafka() -> Iterator[EmbeddedKafka]:
    with EmbeddedKafka(extra=_QUICK_RETURN) as kafka:
        yield kafka


@pytest.fixture
def no_traces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fails if the test leaves a temporary folder behind."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield
    assert list(tmp_path.iterdir()) == []


def test_it_takes_records_and_gives_them_back(kafka: EmbeddedKafka, unique: Callable[[str], str]) -> None:
    topic = unique("topic")
    create_topics(kafka.bootstrap, {topic: 3})
    positions = produce(
        kafka.bootstrap, topic, [(b"key", b"value"), (None, b"", [("name", b"x")], 981_173_106_000)]
    )
    records = consume_all(kafka.bootstrap, topic)
    assert sorted(positions) == [(record.partition, record.offset) for record in records]
    assert {(record.key, record.value) for record in records} == {(b"key", b"value"), (None, b"")}
    assert [record.timestamp for record in records if record.headers == [("name", b"x")]] == [981_173_106_000]


def test_it_makes_no_topic_by_itself(kafka: EmbeddedKafka, unique: Callable[[str], str]) -> None:
    with pytest.raises(KafkaException):
        consume_all(kafka.bootstrap, unique("nobody-made-this"))


@pytest.mark.parametrize("way", ["kill", "stop_node"])
def test_a_node_comes_back_with_its_port_and_data(
    kafka: EmbeddedKafka, unique: Callable[[str], str], way: str
) -> None:
    topic = unique("topic")
    create_topics(kafka.bootstrap, {topic: 1})
    produce(kafka.bootstrap, topic, [(b"key", b"value")])
    bootstrap, pid = kafka.bootstrap, kafka.pid()

    getattr(kafka, way)(0)
    assert is_gone(pid)
    with pytest.raises(EmbeddedKafkaError, match="not running"):
        kafka.pid()
    kafka.start_node(0)

    assert kafka.bootstrap == bootstrap
    assert kafka.pid() != pid
    assert [record.value for record in consume_all(bootstrap, topic)] == [b"value"]


def test_a_paused_node_answers_nobody_until_it_is_resumed(kafka: EmbeddedKafka) -> None:
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    kafka.pause()
    try:
        with pytest.raises(KafkaException):
            admin.list_topics(timeout=1)
    finally:
        kafka.resume()
    assert admin.list_topics(timeout=GIVE_UP_SECONDS).brokers


def test_it_is_started_once_and_a_running_node_too(kafka: EmbeddedKafka) -> None:
    with pytest.raises(EmbeddedKafkaError, match="started already"):
        kafka.start()
    with pytest.raises(EmbeddedKafkaError, match="running already"):
        kafka.start_node()


def test_three_nodes_take_records_without_the_leader(unique: Callable[[str], str]) -> None:
    with EmbeddedKafka(nodes=3, extra=_QUICK_RETURN) as kafka:
        topic = unique("topic")
        create_topics(kafka.bootstrap, {topic: 1})
        admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
        # The broker that answers may hear of the topic later than the one that was asked before.
        partition = wait_until(
            lambda: admin.list_topics(topic, timeout=GIVE_UP_SECONDS).topics[topic].partitions.get(0),
            "a broker's answer that has the partition",
        )
        assert partition is not None
        assert len(partition.replicas) == 3
        kafka.kill(partition.leader)
        produce(kafka.bootstrap, topic, [(b"key", b"value")])
        pids = [kafka.pid(node) for node in range(3) if node != partition.leader]
    assert all(map(is_gone, pids))


@pytest.mark.usefixtures("no_traces")
def test_stopped_it_is_gone_and_so_is_its_data() -> None:
    kafka = EmbeddedKafka()
    kafka.start()
    pid = kafka.pid()
    # The hard case: a paused process does not handle SIGTERM.
    kafka.pause()
    kafka.stop()
    assert is_gone(pid)
    kafka.stop()
    with pytest.raises(EmbeddedKafkaError, match="not started"):
        _ = kafka.bootstrap


@pytest.mark.usefixtures("no_traces")
def test_a_taken_port_is_refused_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(EmbeddedKafkaError, match=f"port {port} of 127.0.0.1 is taken"):
            EmbeddedKafka(port=port).start()


def test_a_port_that_is_lost_to_another_broker_is_given_up_for_a_free_one(
    kafka: EmbeddedKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = int(kafka.bootstrap.rpartition(":")[2])
    offers = [[taken, *free_ports(1)], free_ports(2)]
    monkeypatch.setattr("app.embedded_kafka.cluster.free_ports", lambda _count: offers.pop(0))
    with EmbeddedKafka() as other:
        assert other.bootstrap != kafka.bootstrap
        assert other.pid() != kafka.pid()
    assert offers == []


def test_a_full_disk_or_the_like_is_the_same_kind_of_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "not-there"))
    with pytest.raises(EmbeddedKafkaError, match=r"cannot be run: .*not-there"):
        EmbeddedKafka().start()


@pytest.mark.usefixtures("no_traces")
def test_settings_that_kafka_refuses_are_shown_with_its_own_words() -> None:
    with pytest.raises(EmbeddedKafkaError, match="storage tool failed") as caught:
        EmbeddedKafka(extra={"num.partitions": "many"}).start()
    assert "num.partitions" in caught.value.log_tail


@pytest.mark.usefixtures("no_traces")
def test_a_broker_that_ends_while_starting_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        (free,) = free_ports(1)
        listeners = f"PLAINTEXT://127.0.0.1:{taken},CONTROLLER://127.0.0.1:{free}"
        extra = {"listeners": listeners, "controller.quorum.voters": f"0@127.0.0.1:{free}"}
        with pytest.raises(EmbeddedKafkaError, match="ended while starting") as caught:
            EmbeddedKafka(extra=extra).start()
    assert "in use" in caught.value.log_tail


@pytest.mark.usefixtures("no_traces")
def test_a_broker_that_does_not_serve_in_time_is_given_up() -> None:
    with pytest.raises(EmbeddedKafkaError, match="did not serve within 0 s"):
        EmbeddedKafka(start_timeout=0.0).start()
