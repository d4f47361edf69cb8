"""Every client runs with the rights that docs/security.md gives it and no others, on a listener with TLS and
a login; and each right of a worker that is missing is named."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer
from confluent_kafka import Producer
from confluent_kafka.admin._acl import AclOperation
from confluent_kafka.admin._resource import ResourceType

from app.canonical import Event
from app.cli.worker import checked_topics
from app.connection import connection_options
from app.dead_letters import SourceRecord
from app.environment import load
from app.errors import TopicsError
from app.state import encode_user, fold
from app.topic_admin import prepare_topics
from app.vendors import VENDORS
from tests.cli.command import run
from tests.docs.test_closed_sets import names, table
from tests.integration.worker import NOT_EXPELLED, Site
from tests.kafka import ToSend, produce
from tests.operator_tools.letter_records import NOW_MS, Kept, letter_of
from tests.operator_tools.other_versions import make_repository
from tests.rights import Right, allow, revoke
from tests.secured_broker import SecuredBroker, add_user
from tests.state.events import deleted, full
from tests.tools.bench.bodies import bodies
from tests.waiting import GIVE_UP_SECONDS, wait_until

TOPIC, GROUP = ResourceType.TOPIC, ResourceType.GROUP
VENDOR = "magine"


def documented(client: str, site: Site) -> list[Right]:
    """Returns the rights of a client of the table, on the topics and groups of a site."""
    return [
        Right(kind, name, AclOperation[operation], prefix)
        for told, resource, operations in table("security.md", "Rights")
        if told == client
        for kind, name, prefix in resources(resource, site)
        for operation in operations.split(", ")
    ]


def resources(text: str, site: Site) -> list[tuple[ResourceType, str, bool]]:
    settings = site.settings
    topics = {
        "the vendors' topics": [settings.topic_of(vendor) for vendor in VENDORS],
        "the vendor's topic": [settings.topic_of(VENDOR)],
        "`users.events`": [settings.topic_events],
        "`users.dead-letter`": [settings.topic_dead_letter],
        "the users changelog": [settings.changelogs[0]],
        "both changelogs": [*settings.changelogs],
    }
    every = {name for group in topics.values() for name in group}
    topics["the new topic"] = [f"new-{settings.app_id}"]
    topics["all these topics"] = sorted(every)
    made = f"made-{settings.app_id}"
    topics["the topics `NAME-users` and `NAME-loyalty`"] = [f"{made}-users", f"{made}-loyalty"]
    wide = [f"wide-{made}-{each}" for each in ("events", "users", "loyalty")]
    topics["the topics `NAME-events`, `NAME-users` and `NAME-loyalty`"] = wide
    groups = {
        "the group `APP_ID`": settings.app_id,
        "the group `APP_ID-redrive-NAME`": f"{settings.app_id}-redrive-NAME",
        "its own group": f"readers-{settings.app_id}",
        "the group `NAME-rebuild`": f"{made}-rebuild",
        "the group `NAME-repartition`": f"wide-{made}-repartition",
    }
    if match := re.fullmatch(r"(topics|groups) that begin with `(\S+)`", text):
        return [(TOPIC if match[1] == "topics" else GROUP, match[2], True)]
    if text in groups:
        return [(GROUP, groups[text], False)]
    return [(TOPIC, name, False) for name in topics[text]]


class Crew:
    """Users, each with the documented rights of one client."""

    def __init__(self, secured: SecuredBroker, site: Site) -> None:
        self._secured = secured
        self._site = site

    def login(self, client: str, *without: Right) -> dict[str, str]:
        """Returns the settings of a new user with the client's rights, but for some."""
        rights = documented(client, self._site)
        assert rights, client
        user = "".join(letter for letter in f"{client}-{self._site.settings.app_id}" if letter.isalnum())
        add_user(self._secured.broker, user, "s3nt1nel")
        allow(self._secured.broker, user, [right for right in rights if right not in without])
        return {**self._site.variables, **self._secured.login("SCRAM-SHA-512", user, "s3nt1nel")}


@pytest.fixture
def site(secured: SecuredBroker, unique: Callable[[str], str], tmp_path: Path) -> Site:
    return Site(secured.broker, unique, tmp_path, **NOT_EXPELLED, TOPICS_CREATE="false")


@pytest.fixture
def crew(secured: SecuredBroker, site: Site) -> Crew:
    return Crew(secured, site)


def test_every_client_of_the_table_is_in_these_tests() -> None:
    assert {row[0] for row in table("security.md", "Rights")} == {
        "`worker`",
        "`topics` (also `--check`)",
        "`topics --create`",
        "`leave`",
        "`pause` and `resume` with `--no-workers`",
        "`inspect` (also `--find`)",
        "`inspect --erase-check`",
        "`repair`",
        "`forget` (also `--tenant`)",
        "`redrive`",
        "`import`",
        "`reconcile`",
        "`reconcile --emit`",
        "`demo` with `BROKER_URL`",
        "`replay`",
        "`replay --into`",
        "`diff`",
        "`rebuild`",
        "`repartition`",
        "a vendor's producer",
        "a consumer of events",
        "a reader of rows, without a group",
    }
    assert {name for row in table("security.md", "Rights") for name in names(row[1])} == {
        "APP_ID",
        "APP_ID-redrive-NAME",
        "NAME-events",
        "NAME-loyalty",
        "NAME-rebuild",
        "NAME-repartition",
        "NAME-users",
        "rollcall-demo-",
        "users.dead-letter",
        "users.events",
    }


async def test_each_client_runs_with_its_rights_and_no_others(
    secured: SecuredBroker, site: Site, crew: Crew
) -> None:
    created = run("topics", "--create", ours=crew.login("`topics --create`"))
    assert (created.returncode, created.stderr) == (0, b"")
    checked = run("topics", "--check", ours=crew.login("`topics` (also `--check`)"))
    assert (checked.returncode, checked.stderr) == (0, b"")
    assert checked.stdout.count(b" partitions=3 ") == 9

    # Its right on the group comes later: the worker has to name it, and to wait for it.
    group = Right(GROUP, site.settings.app_id, AclOperation.READ)
    login = crew.login("`worker`", group)
    with site.worker(**login, GROUP_INSTANCE_ID="a") as worker:
        said = f"not authorized to read group {site.settings.app_id}: READ on it is missing"
        wait_until(lambda: said in worker.get("/readyz")[1], "the worker names the right on its group")
        assert worker.stderr().count(said) == 1
        allow(secured.broker, login["SASL_USERNAME"], [group])
        worker.wait_ready()
        _produce(crew.login("a vendor's producer"), site.settings.topic_of(VENDOR))
        read = await _first_of(crew.login("a consumer of events"), site, site.settings.topic_events)
        assert read.startswith(b'{"specversion":"1.0"')
        site.wait_at_rest()
        rows = await _first_of(
            crew.login("a reader of rows, without a group"), site, site.settings.changelogs[0], group=None
        )
        assert rows.startswith(b'{"vendor":"magine"')
        worker.stop()
    done = run("leave", "a", ours=crew.login("`leave`"))
    assert (done.returncode, done.stderr) == (0, b"")
    login = crew.login("`pause` and `resume` with `--no-workers`")
    for command in ("pause", "resume"):
        done = run(command, VENDOR, "--no-workers", ours=login)
        assert (done.returncode, done.stderr) == (0, b""), command


async def test_the_commands_on_one_user_run_with_their_rights(
    secured: SecuredBroker, site: Site, crew: Crew
) -> None:
    await prepare_topics(site.settings, create=True)
    users, key = site.settings.changelogs[0], "magine/acme/7"
    ada, gone = full(1, user={"email": "ada@example.com"}), deleted(2)

    def write_row(*events: Event) -> None:
        row = fold(events)[key].user
        assert row is not None
        produce(secured.broker, users, [ToSend(key.encode(), encode_user(row))])

    write_row(ada)
    found = run("inspect", key, ours=crew.login("`inspect` (also `--find`)"))
    assert (found.returncode, b"ada@example.com" in found.stdout) == (0, True)
    found = run("inspect", "--find", "email=ada@example.com", ours=crew.login("`inspect` (also `--find`)"))
    assert (found.returncode, found.stdout) == (0, b"magine/acme/7\n")
    change = ("--clear", "profile.email", "--why", "x", "--yes")
    done = run("repair", key, *change, ours=crew.login("`repair`"))
    assert (done.returncode, done.stderr) == (0, b"")
    for whom in ([key], ["--vendor", "magine", "--tenant", "acme"]):
        done = run("forget", *whom, "--why", "x", "--yes", ours=crew.login("`forget` (also `--tenant`)"))
        assert (done.returncode, done.stderr) == (0, b"")
    write_row(ada, gone)
    checked = run("inspect", key, "--erase-check", "--json", ours=crew.login("`inspect --erase-check`"))
    assert checked.stderr == b"rollcall: not erased: 2 records in 2 topics\n"
    assert checked.stdout.count(b'"values_until":"2') == 2


async def test_replay_and_diff_run_with_their_rights(
    secured: SecuredBroker, site: Site, crew: Crew, tmp_path: Path
) -> None:
    await prepare_topics(site.settings, create=True)
    _produce(crew.login("a vendor's producer"), site.settings.topic_of(VENDOR))
    new = f"new-{site.settings.app_id}"
    for client, arguments in (("`replay`", ()), ("`replay --into`", ("--into", new))):
        done = run("replay", "--vendor", VENDOR, "--json", *arguments, ours=crew.login(client))
        assert (done.returncode, done.stderr) == (0, b""), client
        result = json.loads(done.stdout)
        assert (result["written"], result["dead"]) == (3, {"not_json": 1}), client
    versions = ("--repository", str(make_repository(tmp_path / "git")), "--cache", str(tmp_path / "cache"))
    done = run("diff", "--vendor", VENDOR, "--against", "old", *versions, ours=crew.login("`diff`"))
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"  data.status: " in done.stdout


async def test_rebuild_and_repartition_run_with_their_rights(site: Site, crew: Crew) -> None:
    await prepare_topics(site.settings, create=True)
    made = f"made-{site.settings.app_id}"
    commands = {
        "rebuild": ["--into", made],
        "repartition": ["--into", f"wide-{made}", "--partitions", "4"],
    }
    for name, arguments in commands.items():
        login = crew.login(f"`{name}`")
        for way in ([], ["--continue"], ["--check"]):
            done = run(name, *arguments, *way, "--json", ours=login)
            assert done.returncode == 0, (name, way, done.stderr)
            assert b"Traceback" not in done.stderr


def _produce(login: dict[str, str], topic: str) -> None:
    producer = Producer(
        {
            "bootstrap.servers": login["BROKER_URL"],
            "security.protocol": login["SECURITY_PROTOCOL"],
            "sasl.mechanism": login["SASL_MECHANISM"],
            "sasl.username": login["SASL_USERNAME"],
            "sasl.password": login["SASL_PASSWORD"],
            "ssl.ca.location": login["SSL_CA_FILE"],
            "enable.idempotence": True,
            "log_level": 0,
        }
    )
    problems: list[object] = []
    for body in (*bodies(VENDOR, 3), b"{"):
        producer.produce(topic, body, on_delivery=lambda error, _: problems.append(error))
    assert producer.flush(GIVE_UP_SECONDS) == 0
    assert problems == [None] * 4


async def _first_of(login: dict[str, str], site: Site, topic: str, group: str | None = "") -> bytes:
    consumer = AIOKafkaConsumer(
        topic,
        **connection_options(load(login)),
        group_id=f"readers-{site.settings.app_id}" if group == "" else group,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        record = await consumer.getone()
        if group is not None:
            await consumer.commit()
        value: bytes = record.value
        return value
    finally:
        await consumer.stop()


async def test_each_missing_right_on_a_topic_is_named_before_the_worker_joins_its_group(
    secured: SecuredBroker, site: Site, crew: Crew, caplog: pytest.LogCaptureFixture
) -> None:
    await prepare_topics(site.settings, create=True)
    login = crew.login("`worker`")
    user, settings = login["SASL_USERNAME"], load(login)
    await checked_topics(settings)
    assert caplog.messages == []
    # One vendor's topic stands for all five.
    others = [settings.topic_of(vendor) for vendor in VENDORS if vendor != VENDOR]
    rights = [each for each in documented("`worker`", site) if each.kind is TOPIC and each.name not in others]
    assert len(rights) == 13
    for right in rights:
        revoke(secured.broker, user, right)
        caplog.clear()
        if right.name == settings.topic_of(VENDOR) and right.operation is AclOperation.DESCRIBE_CONFIGS:
            await checked_topics(settings)
            (said,) = caplog.messages
            assert said.endswith("; whether it is compacted is not known")
        else:
            with pytest.raises(TopicsError) as refused:
                await checked_topics(settings)
            said = str(refused.value)
        assert said.startswith("not authorized to ")
        assert f" topic {right.name}" in said
        assert f" {right.operation.name} on it" in said or f": {right.operation.name} on it" in said
        assert said.count(" topic ") == 1
        assert "\n" not in said
        allow(secured.broker, user, [right])
    revoke(secured.broker, user, Right(TOPIC, settings.topic_events, AclOperation.READ))
    revoke(secured.broker, user, Right(TOPIC, settings.changelogs[1], AclOperation.WRITE))
    assert site.refused(**login) == (
        f"not authorized to read topic {settings.topic_events}: READ on it is missing;"
        f" not authorized to write topic {settings.changelogs[1]}: WRITE on it is missing"
    )


async def test_a_redrive_runs_with_its_rights_and_names_one_that_is_missing(
    secured: SecuredBroker, site: Site, crew: Crew
) -> None:
    settings = site.settings
    await prepare_topics(settings, create=True)
    source = SourceRecord(settings.topic_of(VENDOR), 0, 0, VENDOR)
    letter = letter_of(Kept(b"{", timestamp=NOW_MS), source)
    produce(
        secured.broker, settings.topic_dead_letter, [ToSend(letter.key, letter.value, [*letter.headers])] * 2
    )
    login = crew.login("`redrive`")
    user = login["SASL_USERNAME"]
    redrive = ("redrive", "--run", "NAME", "--allow-old")
    for kind, name, operation, said in (
        (TOPIC, settings.topic_dead_letter, AclOperation.READ, f"read topic {settings.topic_dead_letter}"),
        (
            GROUP,
            f"{settings.app_id}-redrive-NAME",
            AclOperation.READ,
            f"read group {settings.app_id}-redrive-NAME",
        ),
        (TOPIC, source.topic, AclOperation.WRITE, f"write topic {source.topic}"),
    ):
        right = Right(kind, name, operation)
        revoke(secured.broker, user, right)
        done = run(*redrive, ours=login)
        missing = f"rollcall: not authorized to {said}: {operation.name} on it is missing"
        assert (done.returncode, done.stderr.decode().splitlines()[-1]) == (1, missing)
        allow(secured.broker, user, [right])
    done = run(*redrive, ours=login)
    assert done.returncode == 0
    assert done.stdout.startswith(b"2 letters looked at: 2 written back, 0 not chosen, 0 refused\n")


async def test_an_import_and_a_reconciliation_run_with_their_rights_and_name_one_that_is_missing(
    secured: SecuredBroker, site: Site, crew: Crew
) -> None:
    await prepare_topics(site.settings, create=True)
    events, rows = site.settings.topic_events, site.settings.changelogs[0]
    export = ("--vendor", VENDOR, "--tenant", "t", "--as-of", "2025-11-25T08:00:00Z", "-")
    emit = ("reconcile", "--emit", "--yes")
    for client, command, said in (
        ("`import`", ("import",), f"1 snapshots and 0 deletions of 1 lines written to {events}"),
        ("`reconcile`", ("reconcile",), "missing here: 1"),
        ("`reconcile --emit`", emit, f"1 snapshots and 0 deletions written to {events}"),
    ):
        done = run(*command, *export, stdin=b'{"userId":"u"}', ours=crew.login(client))
        assert (done.returncode, done.stderr) == (0, b""), client
        assert said in done.stdout.decode().splitlines()
    for client, command, right in (
        ("`import`", ("import",), Right(TOPIC, events, AclOperation.WRITE)),
        ("`reconcile --emit`", emit, Right(TOPIC, rows, AclOperation.READ)),
        ("`reconcile --emit`", emit, Right(TOPIC, events, AclOperation.WRITE)),
    ):
        login = crew.login(client)
        revoke(secured.broker, login["SASL_USERNAME"], right)
        done = run(*command, *export, stdin=b'{"userId":"u"}', ours=login)
        operation = right.operation.name
        said = f"not authorized to {operation.lower()} topic {right.name}: {operation} on it is missing"
        assert (done.returncode, done.stdout) == (1, b"")
        assert done.stderr.decode() == f"rollcall: {said}\n"


def test_the_demo_runs_with_its_rights(secured: SecuredBroker, crew: Crew) -> None:
    login = crew.login("`demo` with `BROKER_URL`")
    ours = {name: value for name, value in login.items() if name.startswith(("BROKER_URL", "S"))}
    done = run("demo", ours={**ours, "BROKER_WAIT": str(GIVE_UP_SECONDS)})
    assert done.returncode == 0, done.stderr[-2000:]
