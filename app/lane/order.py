"""Slices of one partition have to append in the order in which they were dispatched.

Rows are built by event time, so disorder would not break them; but the canonical topic promises order
per key. It breaks silently when an agent awaits anything before its slice's last append: slices that
run concurrently then overtake each other. So the order is asserted, slice by slice.
"""


class OutOfOrder(Exception):
    """A slice came after a later one of its partition. The text names topic, partition and offsets."""


class DispatchOrder:
    """The last slice that each source partition has appended, and the generation it belonged to."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, int], tuple[int, int]] = {}

    def enter(self, topic: str, partition: int, first: int, last: int, generation: int) -> None:
        """A slice with the source offsets `first` to `last` is about to append.

        Within a generation offsets only grow; a new generation may start anywhere, as whatever was not
        committed is read again. Raises OutOfOrder, also for a slice of a generation that is over.
        """
        seen = self._last.get((topic, partition))
        if seen is not None:
            seen_generation, seen_last = seen
            late = generation == seen_generation and first <= seen_last
            if late or generation < seen_generation:
                raise OutOfOrder(
                    f"slice {topic}/{partition} {first}-{last} of generation {generation} "
                    f"came after offset {seen_last} of generation {seen_generation}"
                )
        self._last[topic, partition] = (generation, last)
