"""The files of `docker compose up` fit each other and the worker. They are only read, because the tests have
no Docker."""

from pathlib import Path
from typing import Any

import yaml

from app.embedded_kafka import KAFKA_VERSION

_ROOT = Path(__file__).parents[2]


def _load(path: str) -> Any:
    return yaml.safe_load((_ROOT / path).read_text(encoding="utf-8"))


def test_every_file_that_is_mounted_or_built_is_there() -> None:
    services = _load("docker-compose.yml")["services"]
    assert set(services) == {"kafka", "worker", "prometheus", "grafana"}
    assert (_ROOT / services["worker"]["build"]["dockerfile"]).is_file()
    mounts = [mount.split(":")[0] for service in services.values() for mount in service.get("volumes", [])]
    assert all((_ROOT / mount).exists() for mount in mounts if mount.startswith("."))


def test_the_broker_is_the_version_that_the_tests_run_on() -> None:
    assert _load("docker-compose.yml")["services"]["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"


def test_nothing_is_published_beyond_this_machine() -> None:
    services = _load("docker-compose.yml")["services"].values()
    ports = [port for service in services for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_prometheus_scrapes_the_port_that_the_worker_listens_on() -> None:
    worker = _load("docker-compose.yml")["services"]["worker"]["environment"]
    (job,) = _load("deploy/prometheus/prometheus.yml")["scrape_configs"]
    (target,) = job["dns_sd_configs"]
    assert target["names"] == ["worker"]
    assert str(target["port"]) == worker["HTTP_PORT"]


def test_grafana_asks_prometheus() -> None:
    (source,) = _load("deploy/grafana/provisioning/datasources/prometheus.yml")["datasources"]
    assert source["url"] == "http://prometheus:9090"
