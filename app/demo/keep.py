"""How to look at the Kafka and the worker that `--keep` leaves running."""

import sys

from app.demo.stage import Stage
from app.settings import Settings


def how_to_look(stage: Stage) -> str:
    """Returns text with commands to copy into another terminal."""
    settings = stage.settings
    kcat = f"kcat -b {settings.bootstrap} -e -q"
    address = f"127.0.0.1:{settings.http_port}"
    users, loyalty = settings.changelogs
    own = {name: text for name, text in stage.environment.items() if name != "HTTP_PORT"}
    second = " ".join(f"{name}={text}" for name, text in {**own, "HTTP_PORT": "0"}.items())
    return f"""
Kafka {settings.bootstrap} and the worker (its log: {stage.worker.log}) stay up until Ctrl-C.

Topics:
  {kcat} -C -t {settings.topic_events} -f '%k  %s\\n'
  {kcat} -C -t {users} -f '%k  %s\\n'
  {kcat} -C -t {loyalty} -f '%k  %s\\n'
  {kcat} -C -t {settings.topic_dead_letter} -f '%k  %S bytes  %h\\n'
{_own_event(settings)}
The worker's page, for a browser:
  http://{address}/

Metrics and health:
  curl http://{address}/metrics
  curl http://{address}/readyz

Prometheus:
  scrape_configs:
    - job_name: rollcall
      scrape_interval: 5s
      static_configs:
        - targets: ["{address}"]

A second worker, which takes over half of the partitions:
  {second} {sys.executable} -m app worker
"""


def _own_event(settings: Settings) -> str:
    if "magine" not in settings.vendor_names:
        return ""
    return f"""
An event of your own:
  echo '{{"type":"user.updated","timestamp":"2025-06-02T14:00:00Z","data":{{"userId":"me","name":"Me"}}}}' \\
    | kcat -b {settings.bootstrap} -P -t {settings.topic_of("magine")} -H tenant=nordlys
"""
