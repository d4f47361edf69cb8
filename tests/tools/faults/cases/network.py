"""The network between workers and broker: cut, silent, slow."""

import time
from functools import partial

from tests.tools.faults.cases.case import Case
from tests.tools.faults.cluster import Cluster, proxied_broker
from tests.tools.faults.proxy import Weather
from tests.tools.faults.stage import Stage

_RATE = 1_500
# This is longer than the session timeout of 6 s, and than the slices in flight may take after a revoke.
_FAULT_SECONDS = 25.0


def _weather(weather: Weather, stage: Stage, cluster: Cluster, events: int) -> None:
    assert cluster.proxy is not None
    stage.steady()
    with stage.flow(_RATE, events):
        stage.work_left()
        cluster.proxy.set(weather)
        # Nothing can be waited for but the length of the fault.
        time.sleep(_FAULT_SECONDS)
        cluster.proxy.set(Weather.FAIR)
        stage.recovered()


CASES = [
    Case(
        name=f"network-{weather.name.lower()}",
        fault=fault,
        play=partial(_weather, weather),
        brokers=proxied_broker,
        hurts_broker=True,
    )
    for weather, fault in (
        (Weather.CUT, "the network to the broker refuses every connection for 25 s"),
        (Weather.SILENT, "the network to the broker swallows everything for 25 s"),
        (Weather.SLOW, "the network to the broker lets 160 KB/s through, for 25 s"),
    )
]
