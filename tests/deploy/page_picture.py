"""`python -m tests.deploy.page_picture FILE`: the picture of a worker's page in the README.

Two workers get all fixtures and then bodies of all vendors for a minute, from a Kafka of their own.
"""

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from app.embedded_kafka import EmbeddedKafka
from app.embedded_kafka.properties import free_ports
from tests.deploy.browser import DESK, Visit, chromium
from tests.integration.feeder import Feeder
from tests.integration.test_worker_fixtures import publish_fixtures
from tests.integration.worker import Site

_SECONDS: Final = 60
_NAMES: Final = {
    "APP_ID": "rollcall",
    "TOPIC_EVENTS": "users.events",
    "TOPIC_DEAD_LETTER": "users.dead-letter",
    # The fixtures' dead records are far more than those of real vendors.
    "DEAD_LETTER_SHARE": "1",
}


def main() -> None:
    target = Path(sys.argv[1])
    ports = free_ports(2)
    with ExitStack() as started:
        folder = Path(started.enter_context(tempfile.TemporaryDirectory()))
        kafka = started.enter_context(EmbeddedKafka())
        site = Site(kafka.bootstrap, lambda name: f"{name}.users", folder, **_NAMES)
        site.create_vendor_topics()
        publish_fixtures(site)
        urls = ",".join(f"http://127.0.0.1:{port}" for port in ports)
        for number, port in enumerate(ports):
            worker = site.worker(
                HTTP_PORT=str(port), WORKER_URLS=urls, GROUP_INSTANCE_ID=f"rollcall-{number}"
            )
            started.enter_context(worker).wait_ready()
        started.enter_context(Feeder(site))
        browser = started.enter_context(chromium())
        page = Visit(browser, f"http://127.0.0.1:{ports[0]}", DESK).page
        page.wait_for_timeout(_SECONDS * 1000)
        page.screenshot(path=target, full_page=True)


if __name__ == "__main__":
    main()
