"""Bodies to canonical events and rows in Quix Streams, with the same pure functions.

    python -m tests.tools.bench.peers.quix SHAPE BROKER GROUP SOURCES EVENTS PARTITIONS

The rows of a user are two values of its state, as bytes, which Quix does not encode.
"""

import sys
import tempfile
from collections.abc import Sequence
from typing import Any

from quixstreams import Application, State, message_context
from quixstreams.models import SerializationContext, Serializer

from app.canonical import CONTENT_TYPE_HEADER, encode_event
from app.new_event import NewEvent
from tests.tools.bench.peers.job import Job
from tests.tools.bench.peers.same_functions import mapper_of, rows_after


class _EventSerializer(Serializer):  # type: ignore[misc]
    @property
    def extra_headers(self) -> dict[str, bytes]:
        return dict([CONTENT_TYPE_HEADER])

    def __call__(self, value: NewEvent, ctx: SerializationContext) -> bytes:
        return encode_event(value)


def _run(job: Job, folder: str) -> None:
    app = Application(
        job.broker,
        consumer_group=job.group,
        auto_offset_reset="earliest",
        # All systems of the comparison commit twice a second.
        commit_interval=0.5,
        consumer_extra_config={"max.partition.fetch.bytes": 4 << 20},
        producer_extra_config={"linger.ms": 5, "batch.size": 900_000},
        state_dir=folder,
        loglevel="WARNING",
    )
    raw: dict[str, Any] = {"key_deserializer": "bytes", "value_deserializer": "bytes"}
    events = app.topic(job.events, **raw, key_serializer="bytes", value_serializer=_EventSerializer())
    mappers = {source: mapper_of(source) for source in job.sources}

    def to_events(value: bytes, _key: Any, timestamp: int, _headers: Any) -> Sequence[NewEvent]:
        position = message_context()
        return mappers[position.topic](position.partition, position.offset, timestamp, value)

    def to_rows(event: bytes, state: State) -> None:
        user, loyalty = rows_after(event, state.get_bytes("users"), state.get_bytes("loyalty"))
        if user is not None:
            state.set_bytes("users", user)
        if loyalty is not None:
            state.set_bytes("loyalty", loyalty)

    for source in job.sources:
        app.dataframe(app.topic(source, **raw)).apply(to_events, expand=True, metadata=True).to_topic(
            events, key=lambda event: event.partitionkey.encode()
        )
    if job.full:
        app.dataframe(events).update(to_rows, stateful=True)
    app.run()


if __name__ == "__main__":
    _run(Job.of_arguments(sys.argv[1:]), tempfile.gettempdir())
