"""The options of the group's client of aiokafka. `app/engine/config.py` has the reason for each value."""

from typing import Any

from faust.types.settings import Settings

from app.engine.config import ConsumerConfig


def client_options(conf: Settings, config: ConsumerConfig) -> dict[str, Any]:
    """Returns what `AIOKafkaConsumer` takes besides the brokers and the assignor. `conf` are Faust's
    settings."""
    return {
        "client_id": conf.broker_client_id,
        "group_id": conf.id,
        # Faust would take one from its own variable, CONSUMER_GROUP_INSTANCE_ID, which nobody has checked.
        "group_instance_id": config.group_instance_id or None,
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
        "isolation_level": config.isolation_level,
        "max_poll_records": config.slice_max_records,
        "max_poll_interval_ms": _ms(config.max_poll_interval),
        "max_partition_fetch_bytes": config.max_partition_fetch_bytes,
        "fetch_max_bytes": config.fetch_max_bytes,
        "fetch_max_wait_ms": config.fetch_max_wait_ms,
        "request_timeout_ms": _ms(config.request_timeout),
        "session_timeout_ms": _ms(config.session_timeout),
        "rebalance_timeout_ms": _ms(config.rebalance_timeout),
        "heartbeat_interval_ms": _ms(config.heartbeat_interval),
        "metadata_max_age_ms": _ms(config.metadata_max_age),
        "connections_max_idle_ms": conf.consumer_connections_max_idle_ms,
        # Faust's own credentials are not used: without a TLS context they are sent in the clear.
        **config.security.options(),
    }


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
