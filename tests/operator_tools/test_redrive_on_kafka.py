"""A mapper with a bug makes dead letters. It is mended, the letters are redriven, and the redrive is killed
in the middle: tables and canonical events are those of a run that never failed.

`REDRIVE_SIZE=10000` does it with so many letters.
"""

import io
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import pytest

from app.canonical import encode_event
from app.cli.main import main
from app.engine import partition_of
from app.outcome import Emit
from app.vendors import VENDORS, Options, convert
from tests.integration.recount import header, last_rows, parsed
from tests.integration.worker import NOT_EXPELLED, Site
from tests.kafka import Record, ToSend, consume_all, end_offsets, produce, set_config
from tests.operator_tools.letter_records import Kept
from tests.tools.bench.bodies import bodies
from tests.waiting import wait_until

SIZE: Final = int(os.environ.get("REDRIVE_SIZE", "600"))
FEW: Final = 60
LIMIT: Final = 25
PARTITIONS: Final = 3
BATCH: Final = 20 if SIZE <= 600 else 200
"""The letters of a second, which are those of a batch. A redrive must not have ended before it is killed."""
KIB: Final = 1 << 10
LARGE: Final = (0, 200)
USELESS: Final = [
    ToSend(b"k", b"{%d" % number + b" " * (20 * KIB if number in LARGE else 0), partition=0)
    for number in range(400)
]
"""Bodies of no use, two of them large."""


@pytest.fixture
def sites(broker: str, unique: Callable[[str], str], tmp_path: Path) -> tuple[Site, Site]:
    """The one that fails, and the one that never does."""
    found = []
    for name in ("failing", "never"):
        (tmp_path / name).mkdir()
        site = Site(
            broker,
            unique,
            tmp_path / name,
            **NOT_EXPELLED,
            VENDORS="magine,fynd,amity",
            DEAD_LETTER_SHARE="1",
            PARTITIONS_VENDOR=str(PARTITIONS),
        )
        site.variables |= {key: f"{value}-{name}" for key, value in site.variables.items() if "TOPIC_" in key}
        site.variables["APP_ID"] += f"-{name}"
        site.create_vendor_topics()
        found.append(site)
    return found[0], found[1]


def started(site: Site, *arguments: str) -> "subprocess.Popen[bytes]":
    """Starts the command as a process. If it is killed, its group gives it up after 6 s."""
    return site.start("redrive", *arguments, SESSION_TIMEOUT="6")


def redrive(site: Site, *arguments: str) -> tuple[int, str, str]:
    """Runs the command in this process. Returns its exit code, standard output and standard error."""
    out, err = io.StringIO(), io.StringIO()
    with (
        patch.dict(os.environ, site.environment(SESSION_TIMEOUT="6"), clear=True),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        code = main(["redrive", *arguments])
    return code, out.getvalue(), err.getvalue()


def done(site: Site, *arguments: str) -> Any:
    """Returns the JSON of a redrive that has to succeed."""
    code, out, err = redrive(site, *arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def refused(site: Site, *arguments: str) -> str:
    """Returns the line of a redrive that has to fail. Only that it waits may come before it."""
    code, out, err = redrive(site, *arguments)
    *waits, line = err.splitlines()
    assert (code, out) == (1, ""), err
    assert all(each.startswith("waiting for group ") for each in waits), err
    assert line.startswith("rollcall: ")
    return line.removeprefix("rollcall: ")


def records_of(vendor: str, count: int) -> list[ToSend]:
    """Some have keys, and some have none and are where their producer has put them."""
    now = time.time_ns() // 1_000_000
    return [
        ToSend(b"%d" % (number % 50), body, [("tenant", b"acme")], now + number)
        if number % 3
        else ToSend(None, body, [], now + number, number % PARTITIONS)
        for number, body in enumerate(bodies(vendor, count))
    ]


def lost_event() -> tuple[bytes, bytes]:
    """Returns key and value of a canonical event whose user has no other one."""
    body = next(bodies("magine", 1, first=90_000))
    outcome = convert(VENDORS["magine"], Kept(body), "elsewhere/0", Options())
    assert isinstance(outcome, Emit)
    return outcome.events[0].partitionkey.encode(), encode_event(outcome.events[0])


def again(site: Site, vendor: str) -> list[Record]:
    """Returns the records of a vendor's topic that were written back."""
    topic = site.settings.topic_of(vendor)
    return [each for each in consume_all(site.broker, topic) if header(each, "x-attempt") is not None]


@contextmanager
def killed(site: Site, *arguments: str) -> Iterator[None]:
    """Runs a redrive during the block, and kills it after it, when it has written at least two batches."""
    topic = site.settings.topic_of("magine")
    before = sum(end_offsets(site.broker, topic).values())
    with started(site, *arguments, "--rate", str(BATCH)) as process:
        try:
            wait_until(
                lambda: sum(end_offsets(site.broker, topic).values()) >= before + 2 * BATCH,
                "two batches of it",
            )
            yield
            assert process.poll() is None, "it has ended too early"
        finally:
            process.kill()


def events_of(site: Site) -> dict[tuple[str, str], Any]:
    """Returns the canonical events by source and id, without where each comes from. If one is there more than
    once, all are equal."""
    found: dict[tuple[str, str], Any] = {}
    for record in consume_all(site.broker, site.settings.topic_events):
        assert record.partition == partition_of(record.key or b"", PARTITIONS) or record.value == LOST[1]
        event = json.loads(record.value or b"")
        del event["origin"]
        assert found.setdefault((event["source"], event["id"]), event) == event
    return found


LOST: Final = lost_event()


def assert_order(site: Site, sent: list[ToSend]) -> int:
    """Checks that each record went back to its partition with what it had, in the order of its partition, and
    returns how many went back twice."""
    positions = {each.value: number for number, each in enumerate(sent)}
    originals = {
        each.value: each
        for each in consume_all(site.broker, site.settings.topic_of("magine"))
        if header(each, "x-attempt") is None
    }
    back = again(site, "magine")
    for each in back:
        original = originals[each.value]
        assert (each.partition, each.key) == (original.partition, original.key)
        assert each.headers[: len(original.headers)] == original.headers
        assert header(each, "x-original-timestamp") == str(original.timestamp)
        assert {name for name, _ in each.headers[len(original.headers) :]} == {
            *("x-attempt", "x-first-failed-at", "x-original-timestamp")
        }
    last = {(each.partition, each.key, positions[each.value]): each.offset for each in back}
    assert len(last) == len(sent)
    groups = {(each.partition, each.key) for each in back}
    for group in groups:
        # The numbers are those of the originals' order.
        offsets = [
            offset for (*whose, _number), offset in sorted(last.items(), key=_number) if (*whose,) == group
        ]
        assert offsets == sorted(offsets)
    return len(back) - len(sent)


def _number(item: tuple[tuple[int, bytes | None, int], int]) -> int:
    return item[0][2]


def test_what_a_mended_mapper_makes_of_redriven_letters_is_what_it_would_have_made(
    sites: tuple[Site, Site],
) -> None:
    site, never = sites
    sent = {"magine": records_of("magine", SIZE), "fynd": records_of("fynd", FEW)}
    for each in sites:
        for vendor, records in sent.items():
            produce(each.broker, each.settings.topic_of(vendor), records)
    home = partition_of(LOST[0], PARTITIONS)
    with never.worker() as worker:
        worker.wait_ready()
        produce(never.broker, never.settings.topic_events, [ToSend(*LOST, partition=home)])
        never.wait_at_rest()
        worker.stop()
    with site.worker(("tests.operator_tools.broken_worker",)) as worker:
        worker.wait_ready()
        away = (home + 1) % PARTITIONS
        produce(site.broker, site.settings.topic_events, [ToSend(*LOST, partition=away)])
        produce(site.broker, site.settings.topic_of("amity"), USELESS)
        site.wait_at_rest()
        worker.stop()
    produce(
        site.broker,
        site.settings.topic_dead_letter,
        [ToSend(b"k", b"not ours"), ToSend(b"k", b"cut", [*letter_headers(site), ("x-truncated", b"true")])],
    )
    assert_counted(site)
    assert_goes_on_after_a_kill(site)
    assert assert_order(site, sent["magine"]) <= BATCH
    with site.worker() as worker:
        assert_stops_at_its_limit(site)
        assert_refused_records(site)
        site.wait_at_rest()
        worker.stop()
    assert_attempts(site)
    assert events_of(site) == events_of(never)
    for ours, theirs in zip(site.settings.changelogs, never.settings.changelogs, strict=True):
        found, expected = last_rows(site.broker, ours), last_rows(never.broker, theirs)
        assert {key: parsed(row) for key, row in found.items()} == {
            key: parsed(row) for key, row in expected.items()
        }


def letter_headers(site: Site) -> list[tuple[str, bytes | None]]:
    """Returns the headers of a letter of the broken mapper."""
    letters = consume_all(site.broker, site.settings.topic_dead_letter)
    return next(each.headers for each in letters if header(each, "x-vendor") == "magine")


def assert_counted(site: Site) -> None:
    counted = done(site, "--dry-run")
    assert {(each["vendor"], each["reason"]): each["count"] for each in counted["letters"]} == {
        ("magine", "mapper_error"): SIZE,
        ("fynd", "mapper_error"): FEW,
        ("amity", "not_json"): len(USELESS),
        ("canonical", "schema"): 1,
    }
    assert counted["refused"] == {"not_a_dead_letter": 1, "truncated": 1}
    code, out, _ = redrive(site, "--dry-run", "--vendor", "magine")
    total, kind, *others = out.splitlines()
    assert code == 0
    assert total.endswith(f" {SIZE:,} would be written back, {FEW + len(USELESS) + 1} not chosen, 2 refused")
    assert kind.strip().startswith(f"{SIZE:,}  magine mapper_error LookupError in broken_worker.py:")
    assert sorted(each.partition(", ")[2].partition(":")[0] for each in others) == [
        *("not_a_dead_letter", "truncated")
    ]
    assert not any(again(site, vendor) for vendor in ("magine", "fynd", "amity"))


def assert_goes_on_after_a_kill(site: Site) -> None:
    """Redrives all of Magine. While a redrive is at work, no second one of the run is."""
    fixed = (
        "--run",
        "fixed",
        "--vendor",
        "magine",
        "--reason",
        "mapper_error",
        "--detail",
        "LookupError in ",
    )
    group = f"{site.settings.app_id}-redrive-fixed"
    with killed(site, *fixed):
        said = refused(site, *fixed)
        assert said == f"another process is at work in group {group}: wait until it has ended"
    # A letter that comes later is no part of the run.
    late = ToSend(b"k", b"late", letter_headers(site))
    produce(site.broker, site.settings.topic_dead_letter, [late])
    assert refused(site, "--run", "fixed").startswith("the run began with other filters")
    left = done(site, "--dry-run", *fixed)["written"]
    assert 0 < left < SIZE
    went_on = done(site, *fixed)
    assert (went_on["written"], went_on["left"]) == (left, 0)
    assert done(site, *fixed)["looked_at"] == 0


def assert_stops_at_its_limit(site: Site) -> None:
    rest = ("--run", "rest", "--vendor", "fynd", "--vendor", "canonical")
    limited = done(site, *rest, "--limit", str(LIMIT))
    assert limited["written"] == LIMIT
    assert limited["left"] > 0
    assert done(site, *rest)["written"] == FEW + 1 - LIMIT


def assert_refused_records(site: Site) -> None:
    """Two records are larger than their topic takes. The others are written, and in the end in order."""
    set_config(site.broker, site.settings.topic_of("amity"), "max.message.bytes", str(10 * KIB))
    useless = done(site, "--run", "useless", "--vendor", "amity")
    assert (useless["written"], useless["refused"]["not_taken"]) == (len(USELESS) - 2, 2)
    small = [each.value for each in USELESS if len(each.value or b"") < KIB]
    back = [each.value for each in again(site, "amity")]
    assert list(dict.fromkeys(reversed(back))) == small[::-1]


def assert_attempts(site: Site) -> None:
    """Those that were written back and are dead again have one more."""
    second = done(site, "--dry-run", "--vendor", "amity", "--attempts", "2")
    assert second["written"] >= len(USELESS) - 2
    tired = done(site, "--dry-run", "--vendor", "amity", "--max-attempts", "2")
    assert (tired["written"], tired["refused"]["attempts"]) == (len(USELESS), second["written"])
