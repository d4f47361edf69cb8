"""What the producer half of the lane tells those who count: metrics override what they need."""

from collections.abc import Mapping

from app.lane.findings import Skipped


class WriteObserver:
    """Called in the main event loop; must neither block nor raise. Times are seconds."""

    def round_acknowledged(self, topic: str, records: int, seconds: float) -> None:
        """A flush round was acknowledged by all in-sync replicas, `seconds` after it was sent."""

    def recovered(self, partitions: int, records: int, rewritten: int, seconds: float) -> None:
        """The rows of these partitions were read from their changelogs: so many records in all, and so
        many rows were written again because the log's last record of their key was not the best."""

    def retained(self, partitions: int) -> None:
        """A rebalance left these partitions and their rows with us; nothing had to be read."""

    def skipped(self, table: str, records: Mapping[Skipped, int]) -> None:
        """So many records of the table's changelog count as not written, by kind."""

    def foreign(self, topic: str, partition: int, records: int) -> None:
        """Another worker wrote so many records into a changelog partition that is ours."""

    def healed(self, topic: str, partition: int, rewritten: int) -> None:
        """They were merged into our rows, and so many rows were written again."""
