"""Ids of clusters never begin with a dash: Kafka's tools would take such an id for an option, so that one
start in 64 would fail."""

import uuid

import pytest

from app.embedded_kafka import cluster


def test_an_id_never_begins_with_a_dash(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter([uuid.UUID(bytes=b"\xf8" + bytes(15)), uuid.UUID(bytes=b"\x04" + bytes(15))])
    monkeypatch.setattr(uuid, "uuid4", lambda: next(drawn))
    assert cluster.new_cluster_id() == "BAAAAAAAAAAAAAAAAAAAAA"
