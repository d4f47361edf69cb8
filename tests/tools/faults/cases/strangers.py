"""Strangers: in the workers' group, and at their HTTP ports."""

import socket
import time
from contextlib import ExitStack, suppress

from tests.tools.faults.cases.case import Case
from tests.tools.faults.cluster import Cluster
from tests.tools.faults.failed import CaseFailed
from tests.tools.faults.pods import Pod
from tests.tools.faults.stage import Stage
from tests.tools.faults.stranger import stranger, wait_for_partitions

_RATE = 1_000
_EVENTS = 8_000
# Nothing can be waited for while the group refuses workers: this is longer than their first attempts.
_REFUSED_SECONDS = 15.0
_CONNECTIONS = 300


def _in_the_group(stage: Stage, _cluster: Cluster, events: int) -> None:
    """A stranger wants to join the group of running workers. Then it has the group while no worker runs, and
    workers that start must wait until it has gone."""
    stage.steady()
    with stage.flow(_RATE, events):
        with stranger(stage.broker, stage.settings.app_id, stage.sources):
            time.sleep(_REFUSED_SECONDS)
            stage.recovered()
        for pod in list(stage.pods):
            stage.leave(pod)
        with stranger(stage.broker, stage.settings.app_id, stage.sources) as process:
            wait_for_partitions(process)
            stage.pod()
            stage.pod()
            time.sleep(_REFUSED_SECONDS)
            stage.work_left()
        stage.recovered()
        stage.wait_ready()


def _half_open(stage: Stage, _cluster: Cluster, events: int) -> None:
    """Peers open connections to the workers' HTTP ports, send half a request, and never close them."""
    stage.steady()
    with ExitStack() as peers, stage.flow(_RATE, events):
        for pod in stage.pods:
            for _ in range(_CONNECTIONS):
                peers.enter_context(_half_a_request(pod))
        _answer(stage)
        stage.pods[0].kill()
        stage.recovered()
        _answer(stage)


def _half_a_request(pod: Pod) -> socket.socket:
    peer = socket.create_connection(("127.0.0.1", pod.port), timeout=10)
    with suppress(OSError):  # the worker has closed it
        peer.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Half")
    return peer


def _answer(stage: Stage) -> None:
    stage.wait_ready()
    if any(not pod.metrics() for pod in stage.pods):
        raise CaseFailed("a worker does not answer /metrics")


CASES = [
    Case(
        name="stranger",
        fault="a plain consumer in the workers' group: beside them, and before they start",
        play=_in_the_group,
        events=_EVENTS,
    ),
    Case(
        name="half-open",
        fault="hundreds of half-sent HTTP requests to each worker",
        play=_half_open,
        events=_EVENTS,
    ),
]
