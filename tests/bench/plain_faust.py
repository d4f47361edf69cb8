"""The other side of the bench `lane`: the same pure functions in a Faust app as its documentation has it.

    python -m tests.bench.plain_faust BROKER APP_ID SOURCE_TOPIC EVENTS_TOPIC PARTITIONS

Settings are Faust's own but for what makes it run. In its favour: keys and rows are bytes that nobody
encodes twice; no web server; and no worker of Faust's own around it, whose root logger at DEBUG builds a
log record for each send.
"""

import asyncio
import logging
import sys
from typing import Any

import faust

from app.canonical import CONTENT_TYPE_HEADER, decode_event, encode_event
from app.cli.convert import Line
from app.outcome import Emit
from app.state import apply, decode_loyalty, decode_user, encode_loyalty, encode_user
from app.vendors import VENDORS, Options, convert

_HEADERS = dict([CONTENT_TYPE_HEADER])


def plain_app(broker: str, app_id: str, source: str, events: str, partitions: int) -> faust.App:
    app = faust.App(
        app_id,
        broker=f"kafka://{broker}",
        store="memory://",
        topic_partitions=partitions,
        web_enabled=False,
    )
    raw: dict[str, Any] = {"key_type": bytes, "value_type": bytes}
    bodies = app.topic(source, key_serializer="raw", value_serializer="raw", **raw)
    canonical = app.topic(events, key_serializer="raw", value_serializer="raw", **raw)
    users = app.Table("users", partitions=partitions, **raw)
    loyalty = app.Table("loyalty", partitions=partitions, **raw)
    vendor, options = VENDORS["selfcommunity"], Options()

    @app.agent(bodies)
    async def to_events(stream: Any) -> None:
        async for event in stream.events():
            message = event.message
            line = Line(message.offset, round(message.timestamp * 1000), [], event.value)
            outcome = convert(vendor, line, f"{source}/{message.partition}", options)
            if isinstance(outcome, Emit):
                for each in outcome.events:
                    await canonical.send(
                        key=each.partitionkey.encode(), value=encode_event(each), headers=_HEADERS
                    )

    @app.agent(canonical)
    async def to_rows(stream: Any) -> None:
        async for event in stream.events():
            key = event.key
            user_row, loyalty_row = users.get(key), loyalty.get(key)
            user, points, effect = apply(
                decode_event(event.value),
                None if user_row is None else decode_user(user_row),
                None if loyalty_row is None else decode_loyalty(loyalty_row),
            )
            if effect != "changed":
                continue
            if user is not None and (row := encode_user(user)) != user_row:
                users[key] = row
            if points is not None and (row := encode_loyalty(points)) != loyalty_row:
                loyalty[key] = row

    return app


async def _run(app: faust.App) -> None:
    await app.start()
    await app.wait_until_stopped()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    _, broker_arg, app_id_arg, source_arg, events_arg, partitions_arg = sys.argv
    asyncio.run(_run(plain_app(broker_arg, app_id_arg, source_arg, events_arg, int(partitions_arg))))
