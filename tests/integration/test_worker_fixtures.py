"""Every fixture of every vendor goes through real workers, and becomes what `convert` and `fold` make of
it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from app.vendors import VENDORS
from tests.integration.recount import Recount, assert_everything, assert_partitions
from tests.integration.worker import NOT_EXPELLED, Site
from tests.kafka import ToSend, create_topics, produce
from tests.vendors.fixtures import fixtures_of
from tests.waiting import wait_until

pytestmark = pytest.mark.untraced


@pytest.fixture
def site(broker: str, unique: Callable[[str], str], tmp_path: Path) -> Site:
    site = Site(broker, unique, tmp_path, **NOT_EXPELLED)
    site.create_vendor_topics()
    return site


def publish_fixtures(site: Site) -> None:
    """Publishes all records of all vendors, every third one with a key, in all partitions."""
    partitions = site.settings.partitions_vendor
    for vendor in VENDORS:
        records = [
            ToSend(
                b"key-%d" % number if number % 3 == 0 else None,
                fixture.value,
                [*fixture.headers, ("trace", None), ("trace", b"\xff")],
                fixture.timestamp,
                number % partitions,
            )
            for number, fixture in enumerate(fixtures_of(vendor))
        ]
        produce(site.broker, site.settings.topic_of(vendor), records)


def assert_the_fixtures_are_worth_it(expected: Recount) -> None:
    assert {vendor for (vendor,) in expected.received} == set(VENDORS)
    reasons = {reason for _, _, reason in expected.outcomes}
    assert reasons >= {"", "ping", "no_users", "other_family", "tombstone"}
    assert reasons >= {"not_json", "schema", "unknown_event", "bad_time"}


def test_all_fixtures_through_one_worker(site: Site, unique: Callable[[str], str]) -> None:
    publish_fixtures(site)
    with site.worker() as worker:
        worker.wait_ready()
        site.wait_at_rest()
        assert_the_fixtures_are_worth_it(assert_everything(site, [worker]))
        worker.stop()
    scratch = unique("scratch")
    create_topics(site.broker, {scratch: site.settings.partitions_events})
    assert_partitions(site, scratch)


def test_without_the_fast_hash_every_key_is_where_it_was(
    site: Site, unique: Callable[[str], str], tmp_path: Path
) -> None:
    # Every interpreter that finds this file loads it before the program.
    (tmp_path / "sitecustomize.py").write_text('import sys; sys.modules["murmurhash2"] = None')
    publish_fixtures(site)
    with site.worker(PYTHONPATH=str(tmp_path)) as worker:
        worker.wait_ready()
        site.wait_at_rest()
        assert_everything(site, [worker])
        worker.stop()
        assert worker.stderr().count("murmurhash2") == 1
    scratch = unique("scratch")
    create_topics(site.broker, {scratch: site.settings.partitions_events})
    assert_partitions(site, scratch)


def test_two_workers_share_the_partitions_and_one_leaves(site: Site) -> None:
    with site.worker() as first, site.worker() as second:
        first.wait_ready()
        second.wait_ready()
        for worker in (first, second):
            wait_until(lambda w=worker: w.count("rollcall_partitions"), "a share")  # type: ignore[misc]
        publish_fixtures(site)
        site.wait_at_rest()
        expected = assert_everything(site, [first, second])
        for worker in (first, second):
            assert 0 < worker.count("rollcall_records_received_total") < expected.received.total()
            assert worker.count("rollcall_table_effects_total")
        first.stop()
        # All records a second time, for the other worker alone: new positions, the same users.
        publish_fixtures(site)
        site.wait_at_rest()
        assert_everything(site)
        second.stop()
