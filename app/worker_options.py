"""The engine's options, as the settings of a worker say them. Every other option has its default in
`app.engine`, with its reason."""

from app.connection import client_security
from app.engine import ConsumerConfig, ProducerConfig, ReaderConfig, TablesConfig
from app.settings import Settings
from app.topics import DEAD_LETTER_BYTES


def consumer_options(settings: Settings) -> ConsumerConfig:
    """Returns the options of the group's consumer."""
    return ConsumerConfig(
        security=client_security(settings),
        isolation_level=settings.isolation_level,
        commit_interval=settings.commit_interval,
        session_timeout=settings.session_timeout,
        # A member hears of a rebalance with its next heartbeat, so a long session must not make it come late.
        heartbeat_interval=min(settings.session_timeout / 10, 3.0),
        group_instance_id=settings.group_instance_id,
    )


def producer_options(settings: Settings) -> ProducerConfig:
    """Returns the options of both producers."""
    return ProducerConfig(
        bootstrap_servers=settings.bootstrap,
        security=client_security(settings),
        compression=None if settings.compression == "none" else settings.compression,
        # Both producers write dead letters, the largest records. `OutputTopic` says what fits into a topic.
        largest_batch_bytes=DEAD_LETTER_BYTES,
        session_timeout_seconds=settings.session_timeout,
    )


def tables_options(settings: Settings) -> TablesConfig:
    """Returns the options of both tables and of the reader of their changelogs."""
    return TablesConfig(
        source=settings.topic_events,
        partitions=settings.partitions_events,
        reader=ReaderConfig(bootstrap_servers=settings.bootstrap, security=client_security(settings)),
        changelogs=settings.changelogs,
        merge_all=settings.recovery_merge_all,
    )


def log_watch_options(settings: Settings) -> ReaderConfig:
    """Returns the options of the reader that looks at one record of a log."""
    return ReaderConfig(
        bootstrap_servers=settings.bootstrap,
        security=client_security(settings),
        # Brokers send one whole batch in any case.
        max_partition_fetch_bytes=1,
        fetch_max_bytes=1,
        records_per_turn=1,
    )
