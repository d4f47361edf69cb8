"""The grace period: a deleted user has a marker, and after that nothing of the user is left."""

import json
from collections.abc import Callable
from pathlib import Path

from tests.integration.recount import last_rows
from tests.integration.worker import NOT_EXPELLED, Site
from tests.kafka import consume_all, produce
from tests.waiting import wait_until

KEY = b"magine/default/1"


def magine(kind: str, second: int) -> bytes:
    data = {"userId": "1", "email": "ada@example.com"}
    return json.dumps({"type": kind, "timestamp": f"2024-01-01T00:00:{second:02}Z", "data": data}).encode()


def publish(site: Site, *bodies: bytes) -> None:
    produce(site.broker, site.settings.topic_of("magine"), [(b"key", body) for body in bodies])


def test_a_deletion_marker_becomes_a_tombstone(
    broker: str, unique: Callable[[str], str], tmp_path: Path
) -> None:
    site = Site(broker, unique, tmp_path, **NOT_EXPELLED)
    users = site.settings.changelogs[0]
    with site.worker() as worker:
        worker.wait_ready()
        publish(site, magine("user.created", 1), magine("user.deleted", 2))
        site.wait_at_rest()
        worker.stop()
    written = consume_all(broker, users)
    assert b'"status":"deleted"' in (written[-1].value or b"")
    with site.worker(GRACE_PERIOD="1") as worker:
        worker.wait_ready()
        wait_until(lambda: not last_rows(broker, users), "the marker has become a tombstone")
        assert worker.metric("rollcall_table_rows", "table") == {}
        worker.stop()
    assert [record.key for record in consume_all(broker, users)] == [KEY] * (len(written) + 1)


def test_a_living_user_outlasts_the_grace_period(
    broker: str, unique: Callable[[str], str], tmp_path: Path
) -> None:
    site = Site(broker, unique, tmp_path, GRACE_PERIOD="1", **NOT_EXPELLED)
    users = site.settings.changelogs[0]
    with site.worker() as worker:
        worker.wait_ready()
        publish(site, magine("user.deleted", 1), magine("user.created", 2))
        site.wait_at_rest()
        other = magine("user.deleted", 1).replace(b'"1"', b'"2"')
        publish(site, other)
        site.wait_at_rest()
        # The sweep that removes the other user's marker has seen this row too.
        wait_until(lambda: last_rows(broker, users).keys() == {KEY}, "the other's marker has gone")
        assert json.loads(last_rows(broker, users)[KEY])["profile"] == {"email": "ada@example.com"}
        worker.stop()
