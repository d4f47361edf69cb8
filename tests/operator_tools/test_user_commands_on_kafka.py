"""`inspect`, `repair` and `forget` beside a running worker, and what a forgotten user leaves on the disk."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.cli.main import main
from app.embedded_kafka import EmbeddedKafka
from app.times import format_micros
from tests.integration.worker import NOT_EXPELLED, Site
from tests.kafka import ToSend, consume_all, create_topics, produce, set_config
from tests.waiting import wait_until

HOUR = 3_600
WRONG, RIGHT = "wrong.address@example.com", "right.address@example.com"


class Console:
    """An operator at a site: runs commands in this process, and reads what they print."""

    def __init__(
        self, site: Site, environment: pytest.MonkeyPatch, printed: pytest.CaptureFixture[str]
    ) -> None:
        for name, value in site.variables.items():
            environment.setenv(name, value)
        self.site = site
        self._printed = printed

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Returns exit code, standard output and standard error."""
        self._printed.readouterr()
        code = main(arguments)
        return code, *self._printed.readouterr()

    def told(self, *arguments: str, code: int = 0) -> Any:
        """Returns the JSON that a command prints."""
        done = self.run(*arguments, "--json")
        assert done[0] == code, done[2]
        return json.loads(done[1])

    def user(self, key: str) -> Any:
        """Returns the users row when everything is handled."""
        self.site.wait_at_rest()
        return self.told("inspect", key)["user"]

    def send(self, kind: str, sub: str, ahead: float = 0.0, tenant: str = "acme", **data: Any) -> None:
        body = {
            "type": f"user.{kind}",
            "timestamp": format_micros(time.time_ns() // 1000 + round(ahead * 1_000_000)),
            "data": {"userId": sub, **data},
        }
        record = ToSend(None, json.dumps(body).encode(), [("tenant", tenant.encode())])
        produce(self.site.broker, self.site.settings.topic_of("magine"), [record])


@pytest.fixture
def console(
    broker: str,
    unique: Callable[[str], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Console:
    site = Site(broker, unique, tmp_path, VENDORS="magine", PARTITIONS_VENDOR="1", **NOT_EXPELLED)
    site.create_vendor_topics()
    return Console(site, monkeypatch, capsys)


def test_one_user_is_looked_at_put_right_brought_back_and_forgotten(console: Console) -> None:
    console.send("created", "ada-lovelace", -2 * HOUR, email=RIGHT, name="Ada Lovelace", country="GB")
    console.send("updated", "ada-lovelace", 20 * HOUR, email=WRONG)
    console.send("created", "ada-lovelace", 40 * HOUR, email=WRONG)
    console.send("created", "grace-hopper", -2 * HOUR, name="Grace Hopper", tags=["navy"])
    console.send("updated", "grace-hopper", -1 * HOUR, email="grace@example.com")
    console.send("deleted", "grace-hopper", -0.5 * HOUR)
    for sub in ("one", "two", "three"):
        console.send("created", sub, -1 * HOUR, tenant="leaving", name=f"User {sub}")
    console.send("created", "ours", -1 * HOUR, name="Stays Here")
    with console.site.worker() as worker:
        worker.wait_ready()
        console.site.wait_at_rest()
        look(console)
        put_right(console)
        bring_back(console)
        forget(console)
        off_board(console)
        worker.stop()


def look(console: Console) -> None:
    found = console.told("inspect", "magine/acme/ada-lovelace")
    assert found["user"]["profile"]["email"] == WRONG
    assert found["loyalty"] is None
    assert [each["event"]["type"] for each in found["events"]] == ["user.created", "user.updated"]
    ((dead),) = found["dead_letters"]
    assert (dead["match"], dead["reason"]) == ("id", "bad_time")
    assert WRONG in dead["value"]
    code, told, _ = console.run("inspect", "magine/acme/ada-lovelace")
    assert code == 0
    assert told.count(WRONG) == 3
    later = format_micros(time.time_ns() // 1000 + 60_000_000)
    found = console.told("inspect", "magine/acme/ada-lovelace", "--since", later)
    assert (found["events"], found["dead_letters"]) == ([], [])
    assert console.told("inspect", "--find", f"email={WRONG}") == {"keys": ["magine/acme/ada-lovelace"]}
    assert console.told("inspect", "--find", "attributes.country=GB")["keys"] == ["magine/acme/ada-lovelace"]
    assert console.run("inspect", "--find", f"email={RIGHT}")[:2] == (0, "")
    assert console.told("inspect", "magine/acme/nobody")["user"] is None


def put_right(console: Console) -> None:
    key = "magine/acme/ada-lovelace"
    repair = (
        "repair",
        key,
        "--set",
        f"profile.email={RIGHT}",
        "--clear",
        "attributes.country",
        "--why",
        "t 1",
    )
    code, told, refused = console.run(*repair)
    assert code == 1
    assert f'profile.email: "{WRONG}" -> "{RIGHT}"' in told
    assert "Nothing is written without --yes" in refused
    assert WRONG not in refused
    assert RIGHT not in refused
    assert console.user(key)["profile"]["email"] == WRONG
    assert console.run(*repair, "--who", "op", "--yes")[0] == 0
    console.send("updated", "ada-lovelace", 10 * HOUR, email="later@example.com")
    row = console.user(key)
    assert row["profile"] == {"email": RIGHT, "name": "Ada Lovelace"} | row["profile"]
    assert "country" not in row["attributes"]
    (event,) = [
        e["event"] for e in console.told("inspect", key)["events"] if e["event"]["id"].startswith("operator:")
    ]
    assert event["source"] == "/rollcall/operator"
    assert event["data"]["actor"] == {"sub": "op"}
    assert event["data"]["note"] == "t 1"
    assert console.run("repair", "magine/acme/nobody", "--clear", "profile.name", "--why", "x")[::2] == (
        1,
        "rollcall: there is no row of this key\n",
    )


def bring_back(console: Console) -> None:
    key = "magine/acme/grace-hopper"
    assert console.user(key)["status"] == "deleted"
    assert "--restore brings" in console.run("repair", key, "--set", "profile.name=G", "--why", "x")[2]
    assert "not deleted" in console.run("repair", "magine/acme/ours", "--restore", "--why", "x")[2]
    console.told(
        "repair", key, "--restore", "--set", "profile.locale=en", "--why", "it was a mistake", "--yes"
    )
    row = console.user(key)
    assert (row["complete"], row["profile"]["name"], row["profile"]["email"], row["profile"]["locale"]) == (
        True,
        "Grace Hopper",
        "grace@example.com",
        "en",
    )
    assert row["attributes"]["tags"] == ["navy"]


def forget(console: Console) -> None:
    key = "magine/acme/ada-lovelace"
    code, told, refused = console.run("forget", key, "--why", "t 2")
    assert (code, "profile.email" in told, RIGHT in told + refused) == (1, True, False)
    told = console.told("forget", key, "--why", "t 2", "--yes")
    row = console.user(key)
    assert row["status"] == "deleted"
    assert row["deleted_at"] == told["time"] > format_micros(time.time_ns() // 1000 + 19 * HOUR * 1_000_000)
    assert console.told("forget", key, "--why", "t 3", "--yes")["fields"] == ["status"]


def off_board(console: Console) -> None:
    tenant = ("forget", "--vendor", "magine", "--tenant", "leaving", "--why", "contract ended")
    assert console.run(*tenant)[0] == 1
    assert console.told(*tenant, "--yes", "--rate", "1000") == {"written": 3, "deleted_already": 0}
    for sub in ("one", "two", "three"):
        assert console.user(f"magine/leaving/{sub}")["status"] == "deleted"
    assert console.user("magine/acme/ours")["profile"]["name"] == "Stays Here"
    assert console.told(*tenant) == {"written": 0, "deleted_already": 3}
    assert "no row of this tenant" in console.run(*tenant[:3], "--tenant", "nobody", "--why", "x")[2]


SHORT = {"segment_ms": "500", "file_delete_delay_ms": "1"}
VALUES = (b"ada.to.forget@example.com", b"Ada Who Is Forgotten", b"+4912345678")


@pytest.fixture(scope="module")
def short_lived() -> Iterator[EmbeddedKafka]:
    """A Kafka that looks every moment for what it can clean and delete."""
    often = {"log.cleaner.backoff.ms": "200", "log.retention.check.interval.ms": "200"}
    with EmbeddedKafka(extra=often) as kafka:
        yield kafka


@pytest.mark.kafka
def test_what_is_forgotten_is_gone_from_the_segments_within_the_bounds(
    short_lived: EmbeddedKafka,
    unique: Callable[[str], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    one = {"PARTITIONS_VENDOR": "1", "PARTITIONS_EVENTS": "1"}
    site = Site(short_lived.bootstrap, unique, tmp_path, VENDORS="magine", **one, **NOT_EXPELLED)
    console, settings = Console(site, monkeypatch, capsys), site.settings
    deleting = [settings.topic_of("magine"), settings.topic_events, settings.topic_dead_letter]
    create_topics(
        site.broker, dict.fromkeys(deleting, 1), cleanup_policy="delete", retention_ms="3600000", **SHORT
    )
    create_topics(
        site.broker,
        dict.fromkeys(settings.changelogs, 1),
        cleanup_policy="compact",
        min_compaction_lag_ms="0",
        max_compaction_lag_ms="3600000",
        min_cleanable_dirty_ratio="1.0",
        **SHORT,
    )
    key, (email, name, phone) = "magine/acme/u-4711", (value.decode() for value in VALUES)
    console.send("created", "u-4711", -HOUR, email=email, name=name, mobilePhone=phone)
    console.send("created", "u-4711", 48 * HOUR, email=email)
    console.send("created", "u-4712", -HOUR, email=email, name="Somebody Else")
    data = Path(str(short_lived._nodes[0].folder))

    with site.worker() as worker:
        worker.wait_ready()
        site.wait_at_rest()
        assert "the user is not deleted" in console.run("inspect", key, "--erase-check")[2]
        console.told("forget", key, "--why", "request 1", "--yes")
        site.wait_at_rest()
        report = console.told("inspect", key, "--erase-check", code=1)
        counts = {each["topic"]: each["values"] for each in report["topics"]}
        assert [counts[topic] for topic in deleting] == [2, 1, 1]
        assert counts[settings.changelogs[0]] == 1
        assert all(each["values_until"] for each in report["topics"] if each["values"])
        assert report["other_keys"] == ["magine/acme/u-4712"]
        code, told, refused = console.run("inspect", key, "--erase-check")
        assert (code, refused.splitlines()[-1]) == (1, "rollcall: not erased: 5 records in 4 topics")
        assert not any(value.decode() in told + refused for value in VALUES)
        assert found_in(data) == set(VALUES)

        console.told("forget", "magine/acme/u-4712", "--why", "request 1, too", "--yes")
        site.wait_at_rest()
        for topic in deleting:
            set_config(site.broker, topic, "retention.ms", "1000")
        for topic in settings.changelogs:
            set_config(site.broker, topic, "max.compaction.lag.ms", "1000")

        def is_gone() -> bool:
            # Kafka closes a segment with the next write only.
            console.send("created", "traffic", name="Others Go On")
            console.send("created", "traffic", 48 * HOUR, name="Others Go On")
            return not found_in(data)

        wait_until(is_gone, "no segment has a value of the user")
        report = console.told("inspect", key, "--erase-check")
        assert report["erased"]
        assert [each["values"] for each in report["topics"]] == [0] * 5
        assert report["deleted_at"]
        rows = consume_all(site.broker, settings.changelogs[0])
        assert any(b"Others Go On" in (row.value or b"") for row in rows)
        worker.stop()


def found_in(folder: Path) -> set[bytes]:
    """Returns the values that the files of the broker's logs have."""
    found = set()
    for path in folder.rglob("*"):
        if path.suffix in (".log", ".deleted", ".cleaned", ".swap") and path.name != "broker.log":
            try:
                content = path.read_bytes()
            except FileNotFoundError:  # removed meanwhile
                continue
            found |= {value for value in VALUES if value in content}
    return found
