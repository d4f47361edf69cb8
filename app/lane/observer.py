"""What the lane tells those who count: metrics override what they need, the default is silent."""

from collections.abc import Mapping

from app.lane.slices import Partition


class LaneObserver:
    """Called in the main event loop; must neither block nor raise."""

    def slice_dispatched(self, topic: str, partition: int, records: int) -> None:
        """A slice was handed to its agent's queue."""

    def slice_done(self, topic: str, partition: int, records: int, seconds: float) -> None:
        """A slice was acknowledged, `seconds` after its agent began it."""

    def committed(self, offsets: Mapping[Partition, int], seconds: float) -> None:
        """The broker accepted a commit that took so long."""

    def commit_refused(self, partitions: int) -> None:
        """The group has gone on without us; another member repeats what was not committed."""

    def rewound(self, partitions: int) -> None:
        """Records were fetched, dropped, and will be fetched again."""

    def gap(self, topic: str, partition: int, expected: int, seen: int) -> None:
        """A fetch did not go on where the last one ended; it is read once more."""

    def hole(self, topic: str, partition: int, expected: int, seen: int) -> None:
        """The second read showed the same: the records between are gone from the broker."""

    def reset(self, topic: str, partition: int, expected: int, seen: int) -> None:
        """The second read showed lower offsets: the log was truncated, or the topic made anew."""

    def revoked(self, partitions: int) -> None:
        """Everything was drained and committed; the partitions are no longer ours."""

    def assigned(self, partitions: int, generation: int) -> None:
        """These are ours now; nothing is fetched before the tables are recovered."""
