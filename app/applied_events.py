"""What the metrics need to know of the events that the state agent applies."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from app.canonical import Event
from app.times import MICROS_PER_SECOND, parse_rfc3339
from app.vendors import VENDORS

# So far the clocks of a vendor and of Kafka may differ.
AHEAD_MICROS: Final = 300 * MICROS_PER_SECOND
OTHER_VENDOR: Final = "other"


class AppliedEvents:
    """Of one part of a slice."""

    __slots__ = ("ahead", "duplicates", "recorded")

    def __init__(self) -> None:
        self.recorded: list[str] = []
        """The `recordedtime` of each event that has one."""
        self.ahead: Counter[str] = Counter()
        """How many events are ahead of their record, by vendor. Anybody can write canonical events, so the
        names that Rollcall does not know are one."""
        self.duplicates = 0
        """How many have the source and the id of another event of the part."""

    def add(self, events: Sequence[tuple[int, Event]]) -> None:
        """Notes all events of the part that one key has."""
        for _, event in events:
            recorded = event.recordedtime
            if type(recorded) is str:
                self.recorded.append(recorded)
                # perf: nearly all events are older than their record, and texts compare as the times do;
                # plain form: parse both times of each event.
                if event.time > recorded and _is_ahead(event.time, recorded):
                    self.ahead[event.vendor if event.vendor in VENDORS else OTHER_VENDOR] += 1
        if len(events) > 1:
            self.duplicates += len(events) - len({(event.source, event.id) for _, event in events})


def _is_ahead(time: str, recorded: str) -> bool:
    at, since = parse_rfc3339(time), parse_rfc3339(recorded)
    return at is not None and since is not None and at - since > AHEAD_MICROS
