"""A Rollcall worker that is measured, on topics of its own."""

import asyncio
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from app.embedded_kafka.properties import free_ports
from app.settings import Settings
from app.topic_admin import describe_topics, prepare_topics
from app.topics import expected_topics
from app.vendors import VENDORS
from tests.tools.bench.load import wait_for
from tests.tools.bench.processes import ROOT, Measured, measured

_READY_SECONDS = 600.0


def fresh_settings(broker: str, partitions: int = Settings().partitions_events) -> Settings:
    """Returns default settings, with names that no earlier run has used and a free port. Creates the topics,
    all with so many partitions."""
    mark = uuid.uuid4().hex[:8]
    settings = Settings(
        broker_url=broker,
        app_id=f"bench-{mark}",
        topic_events=f"bench-{mark}-events",
        topic_dead_letter=f"bench-{mark}-dead-letter",
        topic_vendors={vendor: f"bench-{mark}-{vendor}" for vendor in VENDORS},
        http_port=free_ports(1)[0],
        partitions_vendor=partitions,
        partitions_events=partitions,
    )
    asyncio.run(prepare_topics(settings, create=True))
    # A busy broker tells of many new topics later than it creates them.
    wait_for(lambda: _all_known(settings), "all topics", _READY_SECONDS)
    return settings


def _all_known(settings: Settings) -> bool:
    found = asyncio.run(describe_topics(settings))
    return len(found) == len(expected_topics(settings)) and not any(each.problem for each in found.values())


@contextmanager
def rollcall(
    settings: Settings,
    core: int | None,
    root: Path = ROOT,
    arguments: Sequence[str] = ("-m", "app", "worker"),
) -> Iterator[Measured]:
    """Gives a running `rollcall worker` that is ready: its tables are restored and it has its partitions.
    `root`: the checkout that it is of; `arguments`: those of the interpreter that start it."""
    with measured(arguments, core, environment_of(settings), root) as process:

        def ready() -> bool:
            process.check()
            return _get(settings.http_port, "/readyz")[0] == 200

        wait_for(ready, "a worker that is ready", _READY_SECONDS)
        yield process


def environment_of(settings: Settings) -> dict[str, str]:
    """Returns the environment variables that give a worker the settings in which those of a bench differ."""
    return {
        "BROKER_URL": settings.broker_url,
        "APP_ID": settings.app_id,
        "TOPIC_EVENTS": settings.topic_events,
        "TOPIC_DEAD_LETTER": settings.topic_dead_letter,
        "HTTP_PORT": str(settings.http_port),
        "PARTITIONS_VENDOR": str(settings.partitions_vendor),
        "PARTITIONS_EVENTS": str(settings.partitions_events),
        **{f"TOPIC_{vendor.upper()}": topic for vendor, topic in settings.topic_vendors.items()},
    }


def scraped(settings: Settings) -> dict[str, float]:
    """Returns the worker's metrics, each summed over its labels."""
    sums: dict[str, float] = {}
    for family in text_string_to_metric_families(_get(settings.http_port, "/metrics")[1]):
        for sample in family.samples:
            sums[sample.name] = sums.get(sample.name, 0.0) + sample.value
    return sums


def _get(port: int, path: str) -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except OSError:
        return 0, ""
    finally:
        connection.close()
