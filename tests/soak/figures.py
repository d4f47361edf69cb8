"""What a soak came to."""

from collections.abc import Mapping

from msgspec import Struct, field

from tests.soak.account import Account
from tests.soak.kills import Kill
from tests.soak.latency import Histogram
from tests.soak.sampler import Sample


class Half(Struct):
    latencies: Histogram = field(default_factory=Histogram)
    samples: list[Sample] = field(default_factory=list)


class Figures(Struct, kw_only=True):
    minutes: float
    """How long the constant load flowed."""
    capacity: float
    """Source records a second."""
    rate: float
    """Source records a second that the constant load really published."""
    published: int
    """In all, with those that measured the capacity."""
    kills: list[Kill]
    quiet: Half
    killing: Half
    account: Account
    strange: int
    """Events and dead letters that name no source record."""
    exits: Mapping[int, int]
    """How often a process ended unasked with which code; negative: by that signal."""
    stops: list[str]
    """What was wrong with the last end of a worker, by SIGTERM."""

    def failures(self) -> list[str]:
        """A phrase for each broken demand; none if all is as promised."""
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
