"""What happened, counted for whoever asks and told to the observer."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.lane.desk import Reception
from app.lane.observer import LaneObserver
from app.lane.slices import Partition


@dataclass
class LaneStats:
    """Counts since the start of the process."""

    slices: int = 0
    records: int = 0
    commits: int = 0
    commits_refused: int = 0
    stale: int = 0  # slices fetched around a seek, dropped and fetched again
    rewinds: int = 0  # partitions rewound
    gaps: int = 0
    holes: int = 0
    resets: int = 0
    late: int = 0  # acknowledgements of slices that were no longer ours


class Tally:
    """Keeps `stats` and the observer in step."""

    def __init__(self, observer: LaneObserver) -> None:
        self.stats = LaneStats()
        self.observer = observer

    def received(self, reception: Reception, partition: Partition, expected: int | None, first: int) -> None:
        """A fetch brought records from offset `first`, where `expected` was the next."""
        wanted = first if expected is None else expected
        match reception:
            case Reception.STALE:
                self.stats.stale += 1
            case Reception.REREAD:
                self.stats.gaps += 1
                self.observer.gap(*partition, wanted, first)
            case Reception.HOLE:
                self.stats.holes += 1
                self.observer.hole(*partition, wanted, first)
            case Reception.RESET:
                self.stats.resets += 1
                self.observer.reset(*partition, wanted, first)
            case Reception.DISPATCH:
                pass

    def dispatched(self, partition: Partition, records: int) -> None:
        self.stats.slices += 1
        self.stats.records += records
        self.observer.slice_dispatched(*partition, records)

    def done(self, partition: Partition, records: int, seconds: float) -> None:
        self.observer.slice_done(*partition, records, seconds)

    def late(self) -> None:
        self.stats.late += 1

    def rewound(self, partitions: int) -> None:
        if partitions:
            self.stats.rewinds += partitions
            self.observer.rewound(partitions)

    def committed(self, offsets: Mapping[Partition, int], seconds: float) -> None:
        self.stats.commits += 1
        self.observer.committed(offsets, seconds)

    def refused(self, partitions: int) -> None:
        self.stats.commits_refused += 1
        self.observer.commit_refused(partitions)
