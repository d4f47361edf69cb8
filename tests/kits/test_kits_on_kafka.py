"""The consumer, the producer, the receiver and the sink of the kits on a real Kafka, with no more rights than
docs/security.md gives to a producer and a consumer."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from aiokafka.errors import TopicAuthorizationFailedError

import consumer
import sink
from app.connection import connection_options
from app.environment import load
from app.topic_admin import prepare_topics
from app.vendors import VENDORS
from producers import new_producer, publish
from receiver import application
from tests.integration.test_least_rights import Crew
from tests.integration.worker import NOT_EXPELLED, Site
from tests.kafka import committed, consume_all, create_topics, end_offsets, produce
from tests.kits.signing import SECRETS, SIGN
from tests.secured_broker import SecuredBroker
from tests.vendors.fixtures import fixtures_of
from tests.waiting import async_wait_until

Event = dict[str, Any]


def event(number: int, source: str = "/vendors/magine/acme") -> bytes:
    return json.dumps({"source": source, "id": f"user.updated:{number}"}).encode()


async def consumed(
    topic: str, group: str, broker: str, act: Callable[[Event], Awaitable[None]], pairs: int, **options: Any
) -> None:
    """Runs the kit until its group has committed everything."""
    running = asyncio.create_task(
        consumer.consume(act, topic, pairs, **{"bootstrap_servers": broker, "group_id": group, **options})
    )

    def at_the_end() -> bool:
        assert not running.done(), running.exception()
        commits, ends = committed(broker, group, topic), end_offsets(broker, topic)
        return {part: at for part, at in commits.items() if at} == {
            part: at for part, at in ends.items() if at
        }

    async def done() -> bool:
        return await asyncio.to_thread(at_the_end)

    await async_wait_until(done, "the group has committed the end")
    running.cancel()
    await asyncio.wait([running])


async def test_the_consumer_drops_repeats_as_long_as_it_remembers_them(
    broker: str, unique: Callable[[str], str]
) -> None:
    topic, seen = unique("events"), list[Any]()

    async def act(read: Event) -> None:
        seen.append((read["source"], read["id"][-1]))

    create_topics(broker, {topic: 1})
    foreign = (
        None,
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b'{"source":1}',
        b'{"source":"\\ud800","id":""}',
        b"[" * 90_000,
    )
    values = (event(1), event(1), *foreign, event(2), event(1), event(1, "/vendors/magine/other"), event(2))
    produce(broker, topic, [(b"k", value) for value in values])
    acme, other = "/vendors/magine/acme", "/vendors/magine/other"
    await consumed(topic, unique("wide"), broker, act, 100)
    assert seen == [(acme, "1"), (acme, "2"), (other, "1")]
    seen.clear()
    group = unique("narrow")
    await consumed(topic, group, broker, act, 1)
    assert seen == [(acme, "1"), (acme, "2"), (acme, "1"), (other, "1"), (acme, "2")]
    seen.clear()
    produce(broker, topic, [(b"k", event(3))])
    await consumed(topic, group, broker, act, 1)
    assert seen == [(acme, "3")]


async def test_the_receiver_answers_when_kafka_has_the_body(
    broker: str, unique: Callable[[str], str]
) -> None:
    topics = {vendor: unique(vendor) for vendor in VENDORS}
    create_topics(broker, {topic: 1 for name, topic in topics.items() if name != "amity"})
    create_topics(broker, {topics["amity"]: 1}, max_message_bytes="2000")
    paths = {vendor: vendor if vendor in ("fynd", "rocketchat") else f"{vendor}/acme" for vendor in VENDORS}
    hooks = {path: SECRETS[vendor] for vendor, path in paths.items()}
    served = application(hooks, topics, bootstrap_servers=broker)
    # Neither JSON nor text: it is not the receiver that judges.
    odd = b' {"a":\t1}\xff\x00'
    async with TestClient(TestServer(served)) as client:

        async def answer(path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
            async with client.post(f"/{path}", data=body, headers=headers) as response:
                return response.status, await response.read()

        for vendor, path in paths.items():
            right = SIGN[vendor](SECRETS[vendor], odd, int(time.time()))
            wrong = SIGN[vendor]("whsec_b3RoZXI=", odd, int(time.time()))
            assert await answer(path, odd, wrong) == (401, b"")
            assert await answer(path, odd + b" ", right) == (401, b"")
            accepted = (200, b"{}") if vendor == "amity" else (204, b"")
            assert await answer(path, odd, {**right, "traceparent": "00-1", "tenant": "no"}) == accepted
        assert await answer("magine", odd, {}) == (404, b"")
        assert await answer("amity/acme", odd, {"x-eko-signature": "any"}) == (204, b"")
        long = b" " * 100_000
        signed = SIGN["amity"](SECRETS["amity"], long, 0)
        assert await answer("amity/acme", long, signed) == (503, b"")
    kept = {"fynd": [("x-fp-event-id", b"e-1")], "magine": [("webhook-id", b"msg_1")]}
    for vendor, topic in topics.items():
        (record,) = await asyncio.to_thread(consume_all, broker, topic)
        tenant = [("tenant", b"acme")] if "/" in paths[vendor] else []
        assert (record.key, record.value) == (None, odd)
        assert record.headers == [*kept.get(vendor, []), ("traceparent", b"00-1"), *tenant]


async def test_the_kits_run_with_the_rights_of_a_producer_and_of_a_consumer(
    secured: SecuredBroker, unique: Callable[[str], str], tmp_path: Path
) -> None:
    site = Site(secured.broker, unique, tmp_path, **NOT_EXPELLED)
    crew, settings = Crew(secured, site), site.settings
    await prepare_topics(settings, create=True)

    (fixture, *_) = [each for each in fixtures_of("magine") if each.value and each.outcome.get("events")]
    body, headers = fixture.value or b"", {name: text.decode() for name, text in fixture.headers}
    async with new_producer(**connection_options(load(crew.login("a vendor's producer")))) as producer:
        topic = settings.topic_of("magine")
        await publish(producer, "magine", body, headers, "acme", topic)
        with pytest.raises(TopicAuthorizationFailedError):
            await publish(producer, "magine", body, headers, "acme", settings.topic_events)
    (record,) = await asyncio.to_thread(consume_all, secured.broker, topic)
    (made, *_) = fixture.outcome["events"]
    assert (record.key, record.value) == (made["data"]["user"]["sub"].encode(), body)

    seen = list[Event]()

    async def act(read: Event) -> None:
        seen.append(read)

    events, group = settings.topic_events, f"readers-{settings.app_id}"
    produce(secured.broker, events, [(b"k", json.dumps(made).encode())] * 2)
    options = connection_options(load(crew.login("a consumer of events")))
    await consumed(events, group, secured.broker, act, 10, **options)
    assert seen == [made]

    users, loyalty = settings.changelogs
    row = {"vendor": "magine", "sub": "a\0", "status": "active"}
    produce(secured.broker, users, [(b"k", b"{}"), (b"k", json.dumps(row).encode()), (b"l", None)])
    produce(secured.broker, loyalty, [(b"k", b'{"reputation":{"value":-3}}')])
    options = connection_options(load(crew.login("a reader of rows, without a group")))
    tables, file = {users: "user_rows", loyalty: "loyalty_rows"}, str(tmp_path / "users.sqlite")
    await sink.run(file, tables, once=True, **options)
    produce(secured.broker, loyalty, [(b"k", b'{"points":{"value":5}}'), (b"l", b"{}")])
    await sink.run(file, tables, once=True, **options)
    with closing(sink.Database(file)) as database:
        users_read = database._execute("SELECT key, sub, status FROM user_rows").fetchall()
        loyalty_read = database._execute("SELECT * FROM loyalty_rows ORDER BY key").fetchall()
    assert users_read == [("k", "a\ufffd", "active")]
    assert loyalty_read == [("k", '{"points":{"value":5}}', None, 5), ("l", "{}", None, None)]
