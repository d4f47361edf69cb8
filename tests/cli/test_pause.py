"""`rollcall pause` and the worker's answers to it. Tests with a real pause are in tests/integration."""

import asyncio
import re
from collections.abc import Callable

import pytest
from aiohttp import ClientSession, web

from app.cli.pause import run_pause
from app.cli.resume import run_resume
from app.embedded_kafka.properties import free_ports
from app.engine import CommitNote, write_commits
from app.engine.consumer.group_commits import Commits
from app.errors import BrokerUnreachable, CommandFailed, PauseRefused, VendorNotRead
from app.group_admin import ask_group
from app.pause_reasons import LONGEST
from app.settings import Settings
from tests.cli.command import run
from tests.cli.http import LOCAL, answering, serve
from tests.integration.test_crash_loops import notes_of
from tests.kafka import committed, create_topics, delete_records, produce

pytestmark = pytest.mark.traced

LONG = "w\N{LATIN SMALL LETTER U WITH DIAERESIS}" * (LONGEST // 2)


@pytest.mark.parametrize("words", ["", "a move", "50% & more? #1 / \N{SNOWMAN}", LONG])
async def test_the_worker_of_the_settings_is_asked(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    seen = []

    async def worker(request: web.Request) -> web.Response:
        seen.append((request.method, request.path, dict(request.query)))
        return web.json_response({"partitions": 3})

    async with answering(worker) as url:
        settings = Settings(http_port=int(url.rpartition(":")[2]))
        assert await asyncio.to_thread(run_pause, settings, "magine", [], words) == 0
    assert seen == [("POST", "/vendors/magine/pause", {"reason": words} if words else {})]
    assert capsys.readouterr().out == "magine is paused: 3 partitions\n"


async def test_several_workers_are_asked_and_all_problems_are_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    nobody = f"http://{LOCAL}:{free_ports(1)[0]}"
    async with serve() as one, serve() as other:
        urls = [f"http://{LOCAL}:{port}" for port in (one, other)]
        for command, done in ((run_pause, "paused"), (run_resume, "resumed")):
            assert await asyncio.to_thread(command, Settings(), "magine", urls) == 0
            said = "".join(f"magine is {done} at {url}: 3 partitions\n" for url in urls)
            assert capsys.readouterr().out == said
            with pytest.raises(CommandFailed) as failed:
                await asyncio.to_thread(command, Settings(), "magine", [nobody, *urls, nobody])
            # The workers after the first that does not answer are asked all the same.
            assert capsys.readouterr().out == said
            problem = f"no answer of a worker at {nobody}: Connection refused"
            assert str(failed.value) == f"{problem}; {problem}"


@pytest.mark.parametrize(
    ("vendor", "status", "problem"),
    [
        ("fynd", 503, "the group is rebalancing, try again"),
        ("rocketchat", 404, "rocketchat is not in VENDORS"),
        ("nobody", 404, "no such vendor"),
    ],
)
async def test_a_no_is_one_line(vendor: str, status: int, problem: str) -> None:
    async with serve() as port:
        url = f"http://{LOCAL}:{port}"
        with pytest.raises(CommandFailed, match=f"^{url} says: {problem}$"):
            await asyncio.to_thread(run_pause, Settings(), vendor, [url])
        async with ClientSession() as session, session.post(f"{url}/vendors/{vendor}/pause") as answer:
            assert (answer.status, await answer.json()) == (status, {"problem": problem})


async def test_a_worker_without_a_partition_of_the_vendor_pauses_nothing() -> None:
    async with serve() as port:
        with pytest.raises(CommandFailed, match="none of the workers asked has a partition of amity"):
            await asyncio.to_thread(run_pause, Settings(), "amity", [f"http://{LOCAL}:{port}"])


@pytest.mark.parametrize("words", ["two\nlines", "a\x1b[0m", "\u202e", "\udcff", "x" * (LONGEST + 1)])
async def test_words_that_are_no_short_line_are_refused_by_command_and_worker(words: str) -> None:
    refusal = f"--reason: expected one line of at most {LONGEST} printable characters"
    with pytest.raises(PauseRefused, match=re.escape(refusal)):
        run_pause(Settings(), "magine", ["http://127.0.0.1:9"], words)
    if words.isascii():
        async with serve() as port, ClientSession() as session:
            url = f"http://{LOCAL}:{port}/vendors/magine/pause"
            async with session.post(url, params={"reason": words}) as answer:
                assert (answer.status, await answer.json()) == (400, {"problem": refusal})


@pytest.mark.parametrize("command", ["pause", "resume"])
def test_what_excludes_each_other_is_a_usage_error(command: str) -> None:
    others = {"pause": ["--url"], "resume": ["--url", "--skip"]}
    for other in others[command]:
        done = run(command, "magine", "--no-workers", other, "t/1/2")
        assert (done.returncode, done.stdout) == (2, b"")
        assert b"not allowed with argument" in done.stderr


def test_an_unknown_vendor_is_a_usage_error() -> None:
    done = run("pause", "nobody")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"invalid choice" in done.stderr


def test_without_workers_a_vendor_that_is_not_read_and_a_missing_broker_are_one_line() -> None:
    settings = Settings(vendors="magine", broker_wait=0, broker_url=f"{LOCAL}:{free_ports(1)[0]}")
    for command in (run_pause, run_resume):
        with pytest.raises(VendorNotRead, match="amity is not in VENDORS"):
            command(settings, "amity", [], no_workers=True)
        with pytest.raises(BrokerUnreachable, match="no broker answered"):
            command(settings, "magine", [], no_workers=True)


@pytest.mark.traced
def test_without_workers_the_commits_are_changed(
    broker: str, unique: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Partition 0 has expired records and no commit, 1 has neither, of 2 workers have died, and an operator
    skips a record of 3."""
    topic, group = unique("magine"), unique("crew")
    settings = Settings(broker_url=broker, app_id=group, topic_vendors={"magine": topic}, vendors="magine")
    for command in (run_pause, run_resume):
        with pytest.raises(CommandFailed, match=f"^topic {topic} does not exist$"):
            command(settings, "magine", [], no_workers=True)
    create_topics(broker, {topic: 4})
    produce(broker, topic, [(None, b"x", [], None, 0)] * 5)
    delete_records(broker, topic, {0: 3})
    commit(settings, topic, {2: (7, CommitNote(attempts=5, until=9)), 3: (8, CommitNote(skip=(9, 12)))})

    for words in ("a move", "other words"):
        assert run_pause(settings, "magine", [], words, no_workers=True) == 0
        reason = "by an operator: a move"
        assert notes_of(broker, group) == {
            (topic, 0): CommitNote(reason=reason),
            (topic, 1): CommitNote(reason=reason),
            (topic, 2): CommitNote(reason=reason, attempts=5, until=9),
            (topic, 3): CommitNote(reason=reason, skip=(9, 12)),
        }
    assert run_resume(settings, "magine", [], no_workers=True) == 0
    assert notes_of(broker, group) == {(topic, 3): CommitNote(skip=(9, 12))}
    assert committed(broker, group, topic) == {0: 3, 1: 0, 2: 7, 3: 8}
    said = "magine is {}: 4 partitions\n"
    assert capsys.readouterr().out == said.format("paused") * 2 + said.format("resumed")

    # That workers died of a partition pauses it, too, although only the next worker says so.
    commit(settings, topic, {2: (7, CommitNote(attempts=5)), 3: (8, CommitNote(attempts=4))})
    assert run_resume(settings, "magine", [], no_workers=True) == 0
    assert capsys.readouterr().out == "magine is resumed: 1 partitions\n"
    assert notes_of(broker, group) == {(topic, 3): CommitNote(attempts=4)}
    with pytest.raises(CommandFailed, match=f"^magine is not paused in group {group}$"):
        run_resume(settings, "magine", [], no_workers=True)


def commit(settings: Settings, topic: str, commits: Commits) -> None:
    # Not by confluent-kafka, which writes metadata with whatever bytes come after them in memory.
    group = settings.app_id
    asyncio.run(ask_group(settings, lambda admin: write_commits(admin, group, topic, commits), "write"))
