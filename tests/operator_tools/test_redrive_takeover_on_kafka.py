"""Who goes on with a redrive that is stopped or hangs begins where it was; one that hung cannot commit."""

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from app.dead_letters import SourceRecord
from tests.integration.worker import NOT_EXPELLED, Site
from tests.kafka import ToSend, create_topics, end_offsets, produce
from tests.operator_tools.letter_records import NOW_MS, Kept, letter_of
from tests.operator_tools.test_redrive_on_kafka import done, started
from tests.waiting import GIVE_UP_SECONDS, wait_until

LETTERS = 300
BATCH = 10
RUN = ("--run", "stopped")


@pytest.fixture
def site(broker: str, unique: Callable[[str], str], tmp_path: Path) -> Site:
    site = Site(broker, unique, tmp_path, **NOT_EXPELLED, VENDORS="magine")
    site.create_vendor_topics()
    create_topics(broker, {site.settings.topic_dead_letter: 2})
    source = SourceRecord(site.settings.topic_of("magine"), 0, 0, "magine")
    letters = [letter_of(Kept(b"{%d" % number, timestamp=NOW_MS), source) for number in range(LETTERS)]
    sent = [
        ToSend(b"%d" % (number % 7), letter.value, [*letter.headers]) for number, letter in enumerate(letters)
    ]
    produce(broker, site.settings.topic_dead_letter, sent)
    return site


def written(site: Site) -> int:
    return sum(end_offsets(site.broker, site.settings.topic_of("magine")).values())


def at_work(site: Site) -> "subprocess.Popen[bytes]":
    """Returns a redrive that has written two batches."""
    before = written(site)
    process = started(site, *RUN, "--rate", str(BATCH))
    wait_until(lambda: written(site) >= before + 2 * BATCH, "two batches of it")
    return process


def test_a_redrive_that_is_stopped_or_hangs_is_gone_on_with(site: Site) -> None:
    with at_work(site) as process:
        process.send_signal(signal.SIGINT)
        assert process.wait(GIVE_UP_SECONDS) == 1
    first = written(site)
    with at_work(site) as process:
        process.send_signal(signal.SIGSTOP)
        try:
            # The group gives it up.
            other = done(site, *RUN)
            assert 0 < other["written"] < LETTERS
            assert other["left"] == 0
            after = written(site)
            assert LETTERS <= after <= LETTERS + 2 * BATCH
        finally:
            process.send_signal(signal.SIGCONT)
        assert process.wait(GIVE_UP_SECONDS) == 1
    assert first < LETTERS
    # It has written what it had at hand, and nothing more.
    assert written(site) <= after + BATCH
    assert done(site, *RUN)["looked_at"] == 0
