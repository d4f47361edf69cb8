"""Events of an import are written as a worker writes them; refused ones belong to their lines."""

from collections.abc import Sequence

from app.canonical import CONTENT_TYPE_HEADER, encode_event
from app.engine import partition_of
from app.outcome import Dead, Emit, Outcome, Skip
from app.settings import Settings
from app.tools.exports.snapshot_writer import SnapshotWriter
from app.tools.progress_line import RateLimit
from app.tools.topic_writer import Outgoing, TopicWriter
from tests.operator_tools.exports import written


class RefusingWriter(TopicWriter):
    """Refuses the second record of each call."""

    def __init__(self) -> None:
        super().__init__(Settings())
        self.written: list[Outgoing] = []

    async def write(self, records: Sequence[Outgoing]) -> dict[int, str]:
        self.written += records
        return {1: "MessageSizeTooLargeError"} if len(records) > 1 else {}


async def test_a_refused_event_makes_its_line_dead() -> None:
    events = [written("magine", {"userId": sub}, as_of=5) for sub in "abc"]
    writer = RefusingWriter()
    snapshots = SnapshotWriter(writer, "events", 6, RateLimit(0))
    outcomes: list[Outcome] = [
        Emit([events[0]]),
        Skip("ping"),
        Emit(events[1:]),
        Dead("schema", "$: expected an object"),
    ]
    answers = await snapshots.write_outcomes(outcomes)
    assert answers == [
        outcomes[0],
        outcomes[1],
        Dead("too_large", "its canonical event: the broker answers MessageSizeTooLargeError"),
        outcomes[3],
    ]
    keys = [event.partitionkey.encode() for event in events]
    assert writer.written == [
        Outgoing("events", partition_of(key, 6), key, encode_event(event), (CONTENT_TYPE_HEADER,))
        for key, event in zip(keys, events, strict=True)
    ]
    assert await snapshots.write([]) == {}
    assert len(writer.written) == 3
