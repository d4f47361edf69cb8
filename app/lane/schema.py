"""How slices pass through Faust: undecoded, as the value of one event each, and without its acks."""

from collections.abc import Awaitable, Callable
from typing import Any

import faust
from faust.types import AppT, Message
from faust.types.topics import TopicT


class SliceSchema(faust.Schema):  # type: ignore[type-arg]
    """The event's value is the slice; nothing is decoded and no decoding can fail."""

    def compile(self, app: AppT, **_: Any) -> Callable[..., Awaitable[Any]]:
        """Called by Faust once a topic."""
        create_event = app.create_event

        async def decode(message: Message, **_: Any) -> Any:
            return create_event(None, message.value, None, message)

        return decode


def slice_topic(app: faust.App, name: str, *, partitions: int | None = None) -> TopicT:
    """A topic whose agent receives slices; every agent of the lane takes its topic from here.

    `acks=False` switches Faust's own acknowledgements off for it. They come when a body ends, even by
    an exception or a cancellation (faust/streams.py, `_c_aiter`); ours come from `Slice.done` alone.
    """
    return app.topic(name, schema=SliceSchema(), partitions=partitions, acks=False)
