"""The brokers of a case, and their addresses."""

from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import Struct

from app.embedded_kafka import EmbeddedKafka
from app.embedded_kafka.properties import free_ports
from tests.tools.faults.proxy import Proxy

# How long a broker that was killed stays the leader of its partitions (Kafka's default is 9 s).
_QUICK = {"broker.session.timeout.ms": "3000", "broker.heartbeat.interval.ms": "500"}


class Cluster(Struct):
    """Running brokers. `broker` is the address for the load and the verifier, `workers_via` that for the
    workers."""

    broker: str
    kafka: EmbeddedKafka | None = None
    workers_via: str | None = None
    proxy: Proxy | None = None

    @property
    def ours(self) -> EmbeddedKafka:
        """The brokers, if the case may stop or kill them."""
        assert self.kafka is not None
        return self.kafka


@contextmanager
def one_broker() -> Iterator[Cluster]:
    with EmbeddedKafka(extra={"log.cleaner.backoff.ms": "200"}) as kafka:
        yield Cluster(kafka.bootstrap, kafka)


@contextmanager
def stock_broker() -> Iterator[Cluster]:
    """Starts a broker with Kafka's own defaults, which creates a topic that a client asks for."""
    with EmbeddedKafka(stock=True) as kafka:
        yield Cluster(kafka.bootstrap, kafka)


@contextmanager
def three_brokers() -> Iterator[Cluster]:
    """Starts three brokers, for three replicas of which two must be in sync."""
    with EmbeddedKafka(3, extra=_QUICK) as kafka:
        yield Cluster(kafka.bootstrap, kafka)


@contextmanager
def authorising_broker(**more: str) -> Iterator[Cluster]:
    """Starts a broker that checks access rules. Everybody may do anything with what has no rule. `more` are
    further settings of the broker."""
    extra = {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "true",
        **more,
    }
    with EmbeddedKafka(extra=extra) as kafka:
        yield Cluster(kafka.bootstrap, kafka)


@contextmanager
def proxied_broker() -> Iterator[Cluster]:
    """Starts a broker that workers reach through a proxy, and the load and the verifier by another
    listener."""
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
