"""The other side of the bench `full`: the same pure functions in a Faust app like those of Faust's
documentation.

    python -m tests.tools.bench.plain_faust BROKER APP_ID SOURCE_TOPICS EVENTS_TOPIC PARTITIONS [map]

Commas separate the source topics, one for each vendor. With `map` it makes canonical events and no rows. All
settings have Faust's defaults, except those without which it does not run. Three things make it faster than
usual: keys and rows are bytes, which Faust does not encode; it has no web server; and it runs without Faust's
worker, whose root logger at DEBUG builds a log record for each send.
"""

import asyncio
import logging
import sys
from collections.abc import Sequence
from typing import Any

import faust

from app.canonical import encode_event
from tests.tools.bench.peers.same_functions import HEADERS, mapper_of, rows_after


def plain_app(
    broker: str, app_id: str, sources: Sequence[str], events: str, partitions: int, *, full: bool = True
) -> faust.App:
    app = faust.App(
        app_id,
        broker=f"kafka://{broker}",
        store="memory://",
        topic_partitions=partitions,
        web_enabled=False,
    )
    raw: dict[str, Any] = {"key_type": bytes, "value_type": bytes}
    canonical = app.topic(events, key_serializer="raw", value_serializer="raw", **raw)
    headers = dict(HEADERS)

    def add_source(source: str) -> None:
        events_of = mapper_of(source)
        bodies = app.topic(source, key_serializer="raw", value_serializer="raw", **raw)

        @app.agent(bodies, name=f"{source}-to-events")
        async def to_events(stream: Any) -> None:
            async for event in stream.events():
                message = event.message
                timestamp = round(message.timestamp * 1000)
                for each in events_of(message.partition, message.offset, timestamp, event.value):
                    await canonical.send(
                        key=each.partitionkey.encode(), value=encode_event(each), headers=headers
                    )

    for each in sources:
        add_source(each)
    if not full:
        return app
    users = app.Table("users", partitions=partitions, **raw)
    loyalty = app.Table("loyalty", partitions=partitions, **raw)

    @app.agent(canonical)
    async def to_rows(stream: Any) -> None:
        async for event in stream.events():
            key = event.key
            user, points = rows_after(event.value, users.get(key), loyalty.get(key))
            if user is not None:
                users[key] = user
            if points is not None:
                loyalty[key] = points

    return app


async def _run(app: faust.App) -> None:
    await app.start()
    await app.wait_until_stopped()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    _, broker_arg, app_id_arg, sources_arg, events_arg, partitions_arg, *shape = sys.argv
    app_of_all = plain_app(
        broker_arg,
        app_id_arg,
        sources_arg.split(","),
        events_arg,
        int(partitions_arg),
        full=shape != ["map"],
    )
    asyncio.run(_run(app_of_all))
