"""What the engine reports to metrics. Every method does nothing until a subclass overrides it."""

from collections.abc import Collection, Mapping

from app.engine.slices import Partition
from app.engine.tables.findings import SkippedKind


class EngineObserver:
    """Called in the main event loop. No method may block or raise. Times are seconds."""

    # -- the consumer

    def slice_dispatched(self, topic: str, partition: int, records: int) -> None:
        """A slice was put into its agent's queue."""

    def slice_done(self, topic: str, partition: int, records: int, seconds: float) -> None:
        """A slice was acknowledged, `seconds` after its agent began it."""

    def committed(self, offsets: Mapping[Partition, int], seconds: float) -> None:
        """The broker accepted a commit of `offsets`, which took `seconds`."""

    def commit_refused(self, partitions: int) -> None:
        """A commit was refused, because the group has gone on without this member. Another member repeats
        what was not committed."""

    def rewound(self, partitions: int) -> None:
        """Records of so many partitions were fetched and dropped, and will be fetched again."""

    def gap(self, topic: str, partition: int, expected: int, seen: int) -> None:
        """A fetch did not begin at the offset at which the one before it ended. It is read a second time."""

    def missing(self, topic: str, partition: int, expected: int, seen: int) -> None:
        """The second read showed the same: the broker has deleted the offsets `expected` to `seen - 1`."""

    def truncated(self, topic: str, partition: int, expected: int, seen: int) -> None:
        """The second read showed lower offsets: the log was truncated, or the topic was created again."""

    def back_pressure(self, topics: Collection[str], seconds: float) -> None:
        """For so long at least one partition of each of the topics was not fetched, because too much was in
        flight."""

    def revoked(self, partitions: int) -> None:
        """So many partitions were revoked, after all their slices were done and committed."""

    def assigned(self, partitions: int, generation: int) -> None:
        """So many partitions were assigned. Nothing is fetched before the tables are restored."""

    # -- the producers

    def round_acknowledged(self, topic: str, records: int, seconds: float) -> None:
        """A flush round was acknowledged by all in-sync replicas, `seconds` after it was sent."""

    def batches_sent(self, topic: str, batches: int) -> None:
        """So many batches were sent and acknowledged, or answered in another way."""

    def batch_retried(self, topic: str) -> None:
        """A batch is sent again, because a broker did not answer, or asked for that."""

    # -- the tables

    def restored(self, partitions: int, records: int, rewritten: int, seconds: float) -> None:
        """The rows of so many partitions were restored from `records` changelog records. `rewritten` rows
        were written again, because the log's last record of their key was not the merge of all."""

    def kept_warm(self, partitions: int) -> None:
        """The worker kept so many partitions and their rows in a rebalance, so nothing had to be read."""

    def skipped(self, table: str, records: Mapping[SkippedKind, int]) -> None:
        """So many records of the table's changelog count as not written, by their kind."""

    def zombie_records(self, topic: str, partition: int, records: int) -> None:
        """Another worker wrote so many records into a changelog partition that this worker owns."""

    def repaired(self, topic: str, partition: int, rewritten: int) -> None:
        """The records of zombies were merged into this worker's rows, and so many rows were written again."""
