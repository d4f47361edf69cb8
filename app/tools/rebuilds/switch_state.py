"""Whether workers may be switched to new topics: everything that they have committed must be in these."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from app.engine import LogPartition
from app.settings import Settings
from app.tools.positions import Offsets, committed_of, members_of


class SwitchState(Struct, frozen=True):
    """`reason`: why workers may not be switched yet; "" if they may. `variables`: what they are started with
    then."""

    reason: str
    variables: dict[str, str]

    def lines(self) -> list[str]:
        """Returns what is told of it."""
        if self.reason:
            return [f"not ready to switch: {self.reason}"]
        told = " ".join(f"{name}={value}" for name, value in self.variables.items())
        return [f"ready to switch: start all workers with {told}"]

    def members(self) -> dict[str, Any]:
        """Returns it for JSON."""
        return {"ready": not self.reason, "reason": self.reason, "settings": self.variables}


def switch_reason(group: str, members: int, ahead: int) -> str:
    """Returns why workers may not be switched; "" if they may. `members`: of their group. `ahead`: how many
    partitions they have committed beyond what was read."""
    if members:
        plural = "" if members == 1 else "s"
        return f"group {group} has {members} member{plural}: stop all workers, then run it with --continue"
    if ahead:
        return f"a worker has run meanwhile ({ahead} partitions are ahead): run it with --continue"
    return ""


def partitions_ahead(committed: Mapping[LogPartition, int], done: Mapping[LogPartition, int]) -> int:
    """Returns in how many partitions more is committed than was read."""
    return sum(offset > done.get(log, 0) for log, offset in committed.items())


async def switch_state(settings: Settings, done: Offsets, variables: dict[str, str]) -> SwitchState:
    """Returns whether workers may be switched now. `done`: up to where the canonical topic was read.

    The members are counted first: a worker that ends in between commits before it leaves.
    """
    group = settings.app_id
    canonical = {log: end for log, end in done.items() if log.topic == settings.topic_events}
    members = await members_of(settings, group)
    committed = await committed_of(settings, group, canonical)
    return SwitchState(switch_reason(group, members, partitions_ahead(committed, canonical)), variables)
