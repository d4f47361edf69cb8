"""The archive of Kafka's classes saves time, and nothing depends on it."""

import os
import sys
from pathlib import Path

import pytest

from app.embedded_kafka import EmbeddedKafka
from app.embedded_kafka.archive import make_archive
from app.embedded_kafka.jars import Runtime, archive_path


@pytest.mark.kafka
@pytest.mark.skipif(sys.platform != "linux", reason="/proc shows what a process has mapped")
def test_a_node_starts_with_the_archive_of_make_install() -> None:
    if not archive_path().exists():
        pytest.skip("`make install` has made no archive here")
    with EmbeddedKafka() as kafka:
        assert str(archive_path().resolve()) in Path(f"/proc/{kafka.pid()}/maps").read_text()


@pytest.mark.kafka
def test_an_archive_that_does_not_fit_harms_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other.aot"
    other.write_bytes(b"made by another Java" * 1_000)
    monkeypatch.setattr("app.embedded_kafka.jars.archive_path", lambda: other)
    with EmbeddedKafka() as kafka:
        log = kafka._nodes[0].log.read_text()
        assert kafka.pid()
    assert "[aot" not in log


def test_an_archive_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\nexit 1\n")
    java.chmod(0o755)
    lines: list[str] = []
    make_archive(Runtime(java, ()), tmp_path / "archive", lines.append)
    assert lines[1:] == ["Apache Kafka: no archive was made: Kafka's storage tool failed (exit 1)"]
    assert list(tmp_path.iterdir()) == [java]


def test_an_archive_is_made_again_only_if_java_is_newer(tmp_path: Path) -> None:
    java, archive = tmp_path / "java", tmp_path / "archive"
    java.touch()
    archive.touch()
    lines: list[str] = []
    os.utime(java, (1.0, 1.0))
    make_archive(Runtime(java, ()), archive, lines.append)
    assert lines == []
    os.utime(archive, (0.0, 0.0))
    make_archive(Runtime(java, ()), archive, lines.append)
    assert len(lines) == 2
