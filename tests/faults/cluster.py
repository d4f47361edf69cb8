"""The brokers of a case, and what tests and workers know of them."""

from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import Struct

from app.embedded_kafka import EmbeddedKafka
from app.embedded_kafka.properties import free_ports
from tests.faults.proxy import Proxy

# How long a killed broker of three keeps its partitions' leaderships (default 9 s).
_QUICK = {"broker.session.timeout.ms": "3000", "broker.heartbeat.interval.ms": "500"}


class Cluster(Struct):
    """`broker` is the address for the load and the verifier, `workers_via` that for the workers."""

    broker: str
    kafka: EmbeddedKafka | None = None
    workers_via: str | None = None
    proxy: Proxy | None = None

    @property
    def ours(self) -> EmbeddedKafka:
        """Brokers that may be hurt."""
        assert self.kafka is not None
        return self.kafka


@contextmanager
def one_broker() -> Iterator[Cluster]:
    with EmbeddedKafka(extra={"log.cleaner.backoff.ms": "200"}) as kafka:
        yield Cluster(kafka.bootstrap, kafka)


@contextmanager
def three_brokers() -> Iterator[Cluster]:
    """Three replicas, two of them in sync."""
    with EmbeddedKafka(3, extra=_QUICK) as kafka:
        yield Cluster(kafka.bootstrap, kafka)


@contextmanager
def authorising_broker() -> Iterator[Cluster]:
    """Everybody may do anything with a topic until it has an access rule."""
    extra = {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "true",
    }
    with EmbeddedKafka(extra=extra) as kafka:
        yield Cluster(kafka.bootstrap, kafka)


@contextmanager
def proxied_broker() -> Iterator[Cluster]:
    """Workers reach the broker through a proxy, the load and the verifier by a listener of their own."""
    workers, tests, controller, front = free_ports(4)
    local = "127.0.0.1"
    extra = {
        "listeners": f"PLAINTEXT://{local}:{workers},TESTS://{local}:{tests},CONTROLLER://{local}:{controller}",
        "advertised.listeners": f"PLAINTEXT://{local}:{front},TESTS://{local}:{tests}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,TESTS:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "TESTS",
        "controller.quorum.voters": f"0@{local}:{controller}",
    }
    with (
        EmbeddedKafka(port=workers, extra=extra) as kafka,
        Proxy(front, workers) as proxy,
    ):
        yield Cluster(f"{local}:{tests}", kafka, f"{local}:{front}", proxy)
