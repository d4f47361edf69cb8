"""A real Prometheus scrapes a real worker; an alert of deploy/ fires after a real fault, reaches a receiver,
and resolves when an operator has done what its page says."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.deploy.monitoring import monitoring, wait_scraped
from tests.integration.worker import NOT_EXPELLED, Site
from tests.kafka import ToSend, produce
from tests.tools.bench.bodies import bodies
from tests.waiting import wait_until

pytestmark = pytest.mark.deploy

WINDOW = 20


def test_an_alert_reaches_a_receiver_and_resolves(
    broker: str, unique: Callable[[str], str], tmp_path: Path
) -> None:
    site = Site(broker, unique, tmp_path, DEAD_LETTER_WINDOW=str(WINDOW), **NOT_EXPELLED)
    site.create_vendor_topics()
    topic = site.settings.topic_of("magine")
    with site.worker() as worker, monitoring(tmp_path, [worker.url.removeprefix("http://")]) as monitored:
        worker.wait_ready()
        wait_scraped(monitored)
        produce(broker, topic, [ToSend(None, body, partition=0) for body in bodies("magine", 30)])
        site.wait_at_rest()
        assert monitored.received.alerts == []

        produce(broker, topic, [ToSend(None, b"{", partition=0) for _ in range(2 * WINDOW)])
        fired = wait_until(lambda: monitored.received.find("RollcallPaused", "firing"), "the alert has come")
        assert fired is not None
        assert fired["labels"]["vendor"] == "magine"
        assert fired["annotations"]["runbook"] == "docs/runbooks/paused.md"
        # What Prometheus says while something is wrong: no rule fails, and the others are silent.
        groups = monitored.ask("rules")["groups"]
        states = {
            rule["name"]: (rule["health"], rule.get("state")) for group in groups for rule in group["rules"]
        }
        assert len(states) > 10
        assert {health for health, _ in states.values()} == {"ok"}
        assert [name for name, (_, state) in states.items() if state == "firing"] == ["RollcallPaused"]

        def resumed() -> bool:
            site.resume(worker.url, "magine")
            return not site.lag()

        wait_until(resumed, "everything is handled")
        wait_until(lambda: monitored.received.find("RollcallPaused", "resolved"), "the alert is over")
        assert {each["labels"]["alertname"] for each in monitored.received.alerts} == {"RollcallPaused"}
        # The alert on restarts needs this series, which the Python client can be told not to make.
        assert "rollcall_rebalances_created" in monitored.query("rollcall_rebalances_created")
        worker.stop()
