"""The metrics that say how the flow through a worker is held up, and what is sent for it."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class FlowMetrics:
    """Of one worker."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.back_pressure = Counter(
            "rollcall_back_pressure_seconds",
            "Seconds for which at least one partition of the topic was not fetched, because too much was in"
            " flight: what is behind it is slower than the fetching.",
            ["topic"],
            registry=registry,
        )
        self.batches = Counter(
            "rollcall_producer_batches",
            "Batches of records that were written, by their topic.",
            ["topic"],
            registry=registry,
        )
        self.retries = Counter(
            "rollcall_producer_retries",
            "Batches that were sent once more, because a broker did not answer or asked for that.",
            ["topic"],
            registry=registry,
        )
        self.table_bytes = Gauge(
            "rollcall_table_bytes",
            "Bytes of the rows of the table in this worker's partitions, as they are kept, without their"
            " keys, counted every minute.",
            ["table"],
            registry=registry,
        )
