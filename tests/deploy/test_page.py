"""The page at `/` of a real worker in a real browser: right numbers, no error, nothing from elsewhere."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.embedded_kafka.properties import free_ports
from app.vendors import VENDORS
from tests.deploy.browser import DESK, TELEPHONE, Visit, chromium
from tests.integration.test_worker_fixtures import publish_fixtures
from tests.integration.worker import NOT_EXPELLED, Site, WorkerProcess, added
from tests.waiting import wait_until

pytestmark = pytest.mark.deploy


@pytest.fixture
def workers(broker: str, unique: Callable[[str], str], tmp_path: Path) -> Iterator[list[WorkerProcess]]:
    """Two workers that have worked off all fixtures, each of which knows the other by its URL. A third one in
    their list does not exist."""
    site = Site(broker, unique, tmp_path, **NOT_EXPELLED)
    site.create_vendor_topics()
    publish_fixtures(site)
    ports = free_ports(3)
    urls = ",".join(f"http://127.0.0.1:{port}" for port in ports)
    with ExitStack() as started:
        both = [
            started.enter_context(site.worker(HTTP_PORT=str(port), WORKER_URLS=urls)) for port in ports[:2]
        ]
        for worker in both:
            worker.wait_ready()
        site.wait_at_rest()
        yield both


def number(text: str) -> int:
    found = re.search(r"[0-9][0-9,]*", text)
    assert found is not None
    return int(found[0].replace(",", ""))


@pytest.mark.parametrize(
    ("size", "scheme"), [(TELEPHONE, "light"), (DESK, "dark")], ids=["390 pixels", "1280 pixels"]
)
def test_the_page_shows_the_numbers_of_all_workers(
    workers: list[WorkerProcess], size: dict[str, int], scheme: str
) -> None:
    with chromium() as browser:
        visit = Visit(browser, workers[0].url, size, scheme)
        page = visit.page
        wait_until(lambda: page.locator("tbody#workers tr").count() == 3, "all workers are in the table")
        # From the second answer on there are rates.
        wait_until(lambda: "no rate yet" not in visit.text("#vendors"), "rates")
        outcomes = added(*(each.metric("rollcall_records_total", "vendor", "outcome") for each in workers))
        for vendor in VENDORS:
            shown = visit.text(f"[data-vendor={vendor}]")
            for outcome in ("emit", "skip", "dead"):
                expected = outcomes.get((vendor, outcome), 0)
                assert f"{outcome} {expected:,.0f}" in shown, f"{vendor}: {outcome}"
        dead = sum(count for (_, outcome), count in outcomes.items() if outcome == "dead")
        dead += sum(each.count("rollcall_canonical_records_dead_total") for each in workers)
        assert number(visit.text("#letters h3")) == dead
        rows = added(*(each.metric("rollcall_table_rows", "table") for each in workers))
        for table in ("users", "loyalty"):
            assert number(visit.text(f"[data-table={table}] .rate")) == rows[(table,)]
        assert visit.text("#state") == "2 of 3 workers ready"
        assert "it does not answer" in visit.text("#problems")
        assert visit.is_as_wide_as_its_window()
        assert visit.accessibility() == []
        page.locator("[data-vendor=fynd] summary").first.click()
        wait_until(lambda: "skip ping" in visit.text("[data-vendor=fynd]"), "reasons of skipped records")
        assert (visit.problems, visit.foreign) == ([], [])


def test_a_page_says_that_its_worker_is_gone(workers: list[WorkerProcess]) -> None:
    with chromium() as browser:
        visit = Visit(browser, workers[1].url, DESK)
        wait_until(lambda: "ready" in visit.text("#state"), "the page has an answer")
        workers[1].kill()
        wait_until(lambda: visit.text("#state") == "this worker does not answer", "the page says so")
        wait_until(lambda: "old" in (visit.page.locator("#flow").get_attribute("class") or ""), "old values")


def test_statuses_are_of_each_worker_once(workers: list[WorkerProcess]) -> None:
    answers = json.loads(workers[1].get("/workers.json")[1])["workers"]
    assert [bool(each["status"]) for each in answers] == [True, True, False]
    assert len({each["status"]["instance"] for each in answers[:2]}) == 2
