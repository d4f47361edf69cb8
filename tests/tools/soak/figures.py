"""The figures of a soak."""

from collections.abc import Mapping

from msgspec import Struct, field

from tests.tools.soak.account import Account
from tests.tools.soak.kills import Kill
from tests.tools.soak.latency import Histogram
from tests.tools.soak.sampler import Sample


class Half(Struct):
    latencies: Histogram = field(default_factory=Histogram)
    samples: list[Sample] = field(default_factory=list)


class Figures(Struct, kw_only=True):
    minutes: float
    """The minutes of constant load."""
    capacity: float
    """Source records a second."""
    rate: float
    """Source records a second that the constant load published."""
    published: int
    """All source records, with those for the measurement of the capacity."""
    kills: list[Kill]
    bound: float
    """What all workers together may take to be ready after a kill, besides the reading, in seconds. It is
    compared by the reader of the figures, and demanded by none."""
    quiet: Half
    killing: Half
    account: Account
    strange: int
    """Events and dead letters that name no source record."""
    exits: Mapping[int, int]
    """How often a process ended before the stop at the end, by exit code; a negative code is a signal."""
    stops: list[str]
    """What was wrong when workers were ended by SIGTERM in the end."""

    def failures(self) -> list[str]:
        """Returns a phrase for each demand that was not met."""
        account = self.account
        counts = {
            "lost": account.lost,
            "unexplained": self.strange,
            "wrong rows": account.wrong_rows,
            "partitions uncommitted": account.uncommitted,
            "records published and not found": self.published - account.records,
        }
        found = [f"{count} {what}" for what, count in counts.items() if count]
        if unasked := {code: count for code, count in self.exits.items() if code != -9}:
            found.append(f"workers ended by themselves, codes {unasked}")
        if (killed := self.exits.get(-9, 0)) != len(self.kills):
            found.append(f"{len(self.kills)} kills, {killed} ends by SIGKILL")
        return [*found, *self.stops]
