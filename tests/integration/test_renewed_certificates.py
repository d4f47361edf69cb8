"""A worker that runs while the certificates and authorities of its brokers, and its own, are replaced."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.worker import NOT_EXPELLED, Site
from tests.kafka import consume_all, produce
from tests.secured_broker import secured_kafka, write_certificates
from tests.tools.bench.bodies import bodies


@pytest.mark.kafka
def test_a_running_worker_goes_on_with_new_certificates_and_authorities(
    unique: Callable[[str], str], tmp_path: Path
) -> None:
    """The broker starts again with files of another authority, so every connection needs the new ones."""
    with secured_kafka(tmp_path / "certificates") as (secured, kafka):
        site = Site(secured.broker, unique, tmp_path, **NOT_EXPELLED)
        site.create_vendor_topics()
        sent = [(None, body) for body in bodies("magine", 40)]
        with site.worker(**secured.certificate()) as worker:
            worker.wait_ready()
            produce(site.broker, site.settings.topic_of("magine"), sent[:20])
            site.wait_at_rest()
            kafka.stop_node()
            old = shutil.copytree(secured.folder, tmp_path / "old")
            write_certificates(Path(secured.folder))
            kafka.start_node()
            produce(site.broker, site.settings.topic_of("magine"), sent[20:])
            site.wait_at_rest()
            worker.stop()
        assert len(consume_all(site.broker, site.settings.topic_events)) == len(sent)
        # The broker takes no old one.
        before = {
            name: value.replace(secured.folder, str(old)) for name, value in secured.certificate().items()
        }
        assert "is not accepted" in site.refused(**before)
