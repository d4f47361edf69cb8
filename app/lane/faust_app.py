"""The Faust app as the lane needs it, and the options that are not a matter of taste."""

from typing import Any

import faust
from faust.app.base import BootStrategy

from app.lane.config import LaneConfig
from app.lane.consumer import LaneConsumer
from app.lane.observer import LaneObserver
from app.lane.transport import LaneTransport
from app.versions import check_versions


class _LaneBoot(BootStrategy):
    # Faust's own producer swallows failures; the lane brings its own. Its web server shows table rows
    # to whoever asks, on all interfaces.
    enable_kafka_producer = False
    enable_web = False


class LaneApp(faust.App):
    """Use it in place of `faust.App`."""

    BootStrategy = _LaneBoot

    def _create_directories(self) -> None:
        """Tables live in memory: a read-only file system will do."""


def faust_options(config: LaneConfig, *, broker: str) -> dict[str, Any]:
    """Keyword arguments for `LaneApp`, whose first argument is the app id, which is the group id.

    `broker` is `host:port[,host:port...]`, with or without `kafka://`.
    """
    hosts = [host.strip().removeprefix("kafka://") for host in broker.split(",")]
    return {
        "broker": [f"kafka://{host}" for host in hosts],
        # Topics are provisioned and checked before the start; Faust declares only some of them, late.
        "topic_allow_declare": False,
        "topic_disable_leader": True,
        "web_enabled": False,
        "store": "memory://",
        # A memory table cannot promote a standby: it recovers from scratch either way.
        "table_standby_replicas": 0,
        "key_serializer": "raw",
        "value_serializer": "raw",
        "processing_guarantee": "at_least_once",
        "consumer_auto_offset_reset": "earliest",
        "stream_wait_empty": True,
        "broker_commit_interval": config.commit_interval,
        "broker_session_timeout": config.session_timeout,
        "broker_heartbeat_interval": config.heartbeat_interval,
        "broker_rebalance_timeout": config.rebalance_timeout,
        "broker_request_timeout": config.request_timeout,
        "broker_max_poll_interval": config.max_poll_interval,
    }


def install(app: faust.App, config: LaneConfig, observer: LaneObserver | None = None) -> None:
    """Make the app read in slices. Call it before the first topic or agent is declared.

    Raises UnsupportedVersion.
    """
    check_versions()
    app.transport = LaneTransport(app, config, observer or LaneObserver())


def lane_consumer(app: faust.App) -> LaneConsumer:
    """The app's consumer, for health, watchdog and lease; made on the first call."""
    consumer = app.consumer
    assert isinstance(consumer, LaneConsumer), "install() comes first"
    return consumer
