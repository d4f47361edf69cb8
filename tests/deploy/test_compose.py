"""The files of `docker compose up` fit each other and the worker. They are only read, because the tests have
no Docker."""

import re
from typing import Any

import pytest

from app.embedded_kafka import KAFKA_VERSION
from app.environment import load, variables
from tests.deploy.repository import ROOT, text_of, yaml_of
from tests.deploy.tools import must, tool


def _services() -> dict[str, Any]:
    services: dict[str, Any] = yaml_of("docker-compose.yml")["services"]
    return services


def test_every_file_that_is_mounted_or_built_is_there() -> None:
    services = _services()
    assert set(services) == {"kafka", "worker", "prometheus", "alertmanager", "grafana"}
    assert (ROOT / services["worker"]["build"]["dockerfile"]).is_file()
    mounts = [mount.split(":")[0] for service in services.values() for mount in service.get("volumes", [])]
    assert all((ROOT / mount).exists() for mount in mounts if mount.startswith("."))


def test_the_settings_of_the_workers_are_settings() -> None:
    worker = _services()["worker"]
    settings = load(worker["environment"])
    assert set(worker["environment"]) <= {variable.name for variable in variables()}
    assert worker["deploy"]["replicas"] == 2
    # Two workers with one id would end each other.
    assert settings.group_instance_id == ""
    grace = float(worker["stop_grace_period"].removesuffix("s"))
    assert grace > settings.stop_deadline
    assert worker["read_only"] is True
    assert worker["cap_drop"] == ["ALL"]


@pytest.mark.deploy
def test_compose_takes_the_file() -> None:
    must(tool("docker-compose"), "config", "--quiet")


def test_the_broker_is_the_version_that_the_tests_run_on() -> None:
    assert _services()["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"


def test_nothing_is_published_beyond_this_machine() -> None:
    ports = [port for service in _services().values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_prometheus_scrapes_the_port_that_the_worker_listens_on() -> None:
    worker = _services()["worker"]["environment"]
    (job,) = yaml_of("deploy/prometheus/prometheus.yml")["scrape_configs"]
    (target,) = job["dns_sd_configs"]
    assert target["names"] == ["worker"]
    assert str(target["port"]) == worker["HTTP_PORT"]


def test_grafana_asks_prometheus() -> None:
    (source,) = yaml_of("deploy/grafana/provisioning/datasources/prometheus.yml")["datasources"]
    assert source["url"] == "http://prometheus:9090"


def test_prometheus_tells_alertmanager() -> None:
    (alertmanager,) = yaml_of("deploy/prometheus/prometheus.yml")["alerting"]["alertmanagers"]
    assert alertmanager["static_configs"] == [{"targets": ["alertmanager:9093"]}]


def test_an_image_is_named_by_its_version() -> None:
    bases = re.findall(r"^ARG PYTHON=(.*)$", text_of("deploy/Dockerfile"), re.MULTILINE)
    images = [service["image"] for service in _services().values() if "image" in service]
    assert len(images) == 4
    assert all(re.fullmatch(r"[a-z/]+:v?\d+\.\d+\.\d+", image) for image in images)
    assert bases
    assert all(re.fullmatch(r"\d\.\d+-slim", base) for base in bases)
