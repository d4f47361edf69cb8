"""The metrics that say how late a worker is: its lag, and how old records are when they are written."""

from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

from app.age_histogram import AgeHistogram, ages_of_stamps, ages_of_times

FRESH_SECONDS: Final = 5.0
"""The freshness objective: so soon after the vendor's record the rows are in the changelogs."""


class DelayMetrics:
    """Of one worker."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.lag_records = Gauge(
            "rollcall_lag_records",
            "Offsets that are left to handle, from the committed one to the end of the log, which is polled"
            " every 10 s apart from the consumer. Partitions that are paused have no lag.",
            ["topic", "partition"],
            registry=registry,
        )
        self.lag_seconds = Gauge(
            "rollcall_lag_seconds",
            "Age of the next record to handle, by its timestamp in Kafka; 0 if there is none.",
            ["topic", "partition"],
            registry=registry,
        )
        self.end_age = Gauge(
            "rollcall_lag_age_seconds",
            "Seconds since a broker said where the log ends. It grows if no broker answers.",
            ["topic", "partition"],
            registry=registry,
        )
        self.oldest_dead_letter = Gauge(
            "rollcall_oldest_dead_letter_seconds",
            "Age of the oldest record that the dead-letter topic still has, whoever wrote it; 0 if there is"
            " none, NaN if it is not known.",
            registry=registry,
        )
        self.clock_difference = Gauge(
            "rollcall_clock_difference_seconds",
            "By how much the clock of the worker's machine is ahead of that of the leading controller of the"
            " brokers, negative if it is behind, by the last poll; NaN if they do not tell: they need Kafka"
            " 3.3, and the worker the right DESCRIBE on the cluster. From 60 s on the log says so.",
            registry=registry,
        )
        self.to_canonical = AgeHistogram(
            "rollcall_canonical_latency_seconds",
            "Seconds from the timestamp that a vendor's record has in Kafka until its events and dead letters"
            " are acknowledged. All records with a timestamp, counted exactly.",
            "vendor",
            registry,
        )
        self.to_changelog = AgeHistogram(
            "rollcall_changelog_latency_seconds",
            "Seconds from the recordedtime of an event, which is the timestamp of the vendor's record, until"
            " the rows are acknowledged. All applied events with a recordedtime, counted exactly; the sum is"
            " taken of up to 8 of them in each part of a slice.",
            "",
            registry,
        )
        self.fresh = Counter(
            "rollcall_freshness_good",
            "Events whose rows were acknowledged within 5 s after the timestamp of the vendor's record.",
            registry=registry,
        )
        self.applied = Counter(
            "rollcall_freshness",
            "All events that were applied and have a recordedtime: what the good ones are a share of.",
            registry=registry,
        )

    def written(self, vendor: str, stamps: Iterable[int], now: int) -> None:
        """Counts that what a vendor's records became is acknowledged. `stamps`: their timestamps in
        milliseconds, `now` in microseconds since 1970."""
        self.to_canonical.observe(ages_of_stamps(stamps, now), vendor)

    def applied_to_rows(self, times: Iterable[str], now: int) -> None:
        """Counts that the rows of events are acknowledged. `times`: the `recordedtime` of each."""
        ages = ages_of_times(times, now)
        self.to_changelog.observe(ages)
        self.applied.inc(len(ages))
        self.fresh.inc(ages.within(FRESH_SECONDS))
