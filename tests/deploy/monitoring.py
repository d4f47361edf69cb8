"""A real Prometheus and a real Alertmanager with the files of deploy/, and a receiver of what they send."""

import json
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from app.embedded_kafka.properties import free_ports
from tests.deploy.repository import ROOT, yaml_of
from tests.deploy.tools import tool
from tests.waiting import wait_until


class Received:
    """The alerts that Alertmanager has sent, in order, as it writes them for a webhook."""

    def __init__(self) -> None:
        self.alerts: list[dict[str, Any]] = []

    def find(self, name: str, status: str) -> dict[str, Any] | None:
        """Returns the first alert of this name with this status, `firing` or `resolved`, or None."""
        found = (each for each in self.alerts if each["labels"]["alertname"] == name)
        return next((each for each in found if each["status"] == status), None)


class Monitoring(NamedTuple):
    """Prometheus' address, and what the receiver got."""

    url: str
    received: Received

    def ask(self, path: str, **parameters: str) -> Any:
        """Returns the data of an answer of Prometheus' API; None while it does not answer."""
        query = urllib.parse.urlencode(parameters)
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{query}", timeout=30) as answer:
                return json.load(answer)["data"]
        except (OSError, urllib.error.URLError):
            return None

    def query(self, expression: str) -> dict[str, float]:
        """Returns the values of a query, by the name of the series; empty while there are none."""
        data = self.ask("query", query=expression) or {"result": []}
        return {each["metric"].get("__name__", ""): float(each["value"][1]) for each in data["result"]}


@contextmanager
def monitoring(folder: Path, targets: Sequence[str]) -> Iterator[Monitoring]:
    """Runs Prometheus on these targets (`host:port`), which it scrapes each second, and Alertmanager, which
    sends at once. All else is what deploy/ says. Skips the test if one of the programs is missing."""
    programs = tool("prometheus"), tool("prometheus-alertmanager", "alertmanager")
    prometheus, alertmanager = free_ports(2)
    with ExitStack() as running:
        received = Received()
        hook = running.enter_context(_receiver(received))
        running.enter_context(
            _program(
                folder / "alertmanager",
                programs[1],
                _alertmanager(hook),
                f"--storage.path={folder / 'alerts'}",
                f"--web.listen-address=127.0.0.1:{alertmanager}",
                "--cluster.listen-address=",
            )
        )
        running.enter_context(
            _program(
                folder / "prometheus",
                programs[0],
                _prometheus(targets, alertmanager),
                f"--storage.tsdb.path={folder / 'series'}",
                f"--web.listen-address=127.0.0.1:{prometheus}",
            )
        )
        yield Monitoring(f"http://127.0.0.1:{prometheus}", received)


def _prometheus(targets: Sequence[str], alertmanager: int) -> dict[str, Any]:
    settings: dict[str, Any] = yaml_of("deploy/prometheus/prometheus.yml")
    settings["global"] |= {"scrape_interval": "1s", "evaluation_interval": "1s"}
    settings["rule_files"] = [str(ROOT / "deploy/prometheus" / path) for path in settings["rule_files"]]
    (job,) = settings["scrape_configs"]
    del job["dns_sd_configs"]
    job["static_configs"] = [{"targets": list(targets)}]
    (alerting,) = settings["alerting"]["alertmanagers"]
    alerting["static_configs"] = [{"targets": [f"127.0.0.1:{alertmanager}"]}]
    return settings


def _alertmanager(hook: str) -> dict[str, Any]:
    settings: dict[str, Any] = yaml_of("deploy/alertmanager/alertmanager.yml")
    settings["route"] |= {"group_wait": "0s", "group_interval": "1s"}
    (receiver,) = settings["receivers"]
    receiver["webhook_configs"] = [{"url": hook, "send_resolved": True}]
    return settings


@contextmanager
def _receiver(received: Received) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.alerts += json.loads(body)["alerts"]
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def _program(path: Path, program: str, settings: dict[str, Any], *arguments: str) -> Iterator[None]:
    """Runs a program with these settings until the context ends. Beside `path` are its settings and its log,
    which is shown if the test fails."""
    file, log = path.with_suffix(".yml"), path.with_suffix(".log")
    file.write_text(yaml.safe_dump(settings), "utf-8")
    command = [program, f"--config.file={file}", *arguments]
    with log.open("wb") as said, subprocess.Popen(command, stdout=said, stderr=said) as process:
        try:
            yield
        except BaseException:
            print(log.read_text("utf-8")[-4000:])
            raise
        finally:
            process.terminate()
            process.wait()


def wait_scraped(monitored: Monitoring) -> None:
    wait_until(
        lambda: monitored.query("rollcall_ready").get("rollcall_ready") == 1, "a ready worker is scraped"
    )
