"""What it costs a worker under full load that a Prometheus scrapes it and that somebody has its page open."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from http.client import HTTPConnection, HTTPException
from threading import Event, Thread
from typing import Final

from app.settings import Settings
from tests.tools.bench.figures import Figure, Report
from tests.tools.bench.full import Beside, measured_worker, records_of
from tests.tools.bench.options import BenchOptions
from tests.tools.bench.processes import BenchFailed

_EVENTS: Final = 300_000
_WARM_UP: Final = 20_000
# The page asks once a second. The scrape interval is that of deploy/prometheus.
_PAGE_SECONDS: Final = 1.0
_SCRAPE_SECONDS: Final = 5.0


def run_watched(options: BenchOptions) -> Report:
    """Measures a worker that is watched and one that is not, in turn. Raises BenchFailed if an answer is not
    200."""
    count, warm_up = options.scaled(_EVENTS), options.scaled(_WARM_UP)
    report = Report(caveats=[_CAVEAT])
    for users in options.users:
        records = records_of(warm_up + count, users)
        watched, alone = list[float](), list[float]()
        for number in range(options.rounds):
            sides: list[tuple[Beside, list[float]]] = [(_somebody_looks, watched), (nullcontext, alone)]
            for beside, speeds in sides if number % 2 == 0 else reversed(sides):
                speeds.append(measured_worker(options, records, warm_up, users, beside=beside)[0])
        ratios = [other / mine for mine, other in zip(watched, alone, strict=True)]
        name = f"{users:,} users"
        report.figures += [
            Figure("watched", f"a Prometheus and a page, {name}", "events/CPU s", watched),
            Figure("watched", f"nobody looks, {name}", "events/CPU s", alone),
            Figure("watched", f"CPU an event, watched to not, {name}", "times", ratios, "1.02"),
        ]
    return report


_CAVEAT: Final = (
    f"watched: /metrics is asked for every {_SCRAPE_SECONDS:g} s and /status.json every {_PAGE_SECONDS:g} s,"
    " each over a connection that stays open."
)


@contextmanager
def _somebody_looks(settings: Settings) -> Iterator[None]:
    over, problems = Event(), list[str]()
    threads = [
        Thread(target=_ask, args=(settings.http_port, path, seconds, over, problems))
        for path, seconds in (("/metrics", _SCRAPE_SECONDS), ("/status.json", _PAGE_SECONDS))
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()
    if problems:
        raise BenchFailed(problems[0])


def _ask(port: int, path: str, seconds: float, over: Event, problems: list[str]) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        while not over.wait(seconds):
            connection.request("GET", path)
            with connection.getresponse() as answer:
                answer.read()
                if answer.status != 200:
                    problems.append(f"{path}: status {answer.status}")
    except (OSError, HTTPException) as error:
        problems.append(f"{path}: {type(error).__name__}")
    finally:
        connection.close()
