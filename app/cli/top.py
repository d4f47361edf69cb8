"""`rollcall top`: what workers say of themselves, again and again or once, in a terminal or as JSON."""

import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final

import msgspec
from rich.console import Console, RenderableType
from rich.live import Live

from app.cli.worker_client import ask, own_url
from app.errors import CommandFailed
from app.settings import Settings
from app.status import Status
from app.top.screen import draw
from app.top.totals import rates_between, sources

_PLAIN_WIDTH: Final = 160
"""The width in columns if the output is no terminal."""
_DECODER: Final = msgspec.json.Decoder(Status)


def run_top(settings: Settings, urls: Sequence[str], *, once: bool, as_json: bool, interval: float) -> int:
    """Shows the status of workers until Ctrl-C; with `once`, or if the output is no terminal, one time only.
    Returns the exit code, 0.

    `urls`: their addresses; if empty, that of a worker with these settings on this machine. `as_json`: print
    each worker's status as one line of JSON, one time. `interval`: seconds between two answers. Raises
    CommandFailed if a worker does not answer at the first time, after showing the others. Later its problem
    takes its place, because workers are restarted.
    """
    workers = _Workers(settings, urls or [own_url(settings)])
    workers.ask()
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_PLAIN_WIDTH)
    if as_json:
        for status in workers.answers.values():
            sys.stdout.write(f"{msgspec.json.encode(status).decode()}\n")
    elif console.is_terminal and not once and not workers.silent:
        _watch(workers, console, interval)
        return 0
    elif workers.answers:
        console.print(workers.picture())
    if workers.silent:
        raise CommandFailed("; ".join(workers.silent.values()))
    return 0


def _watch(workers: "_Workers", console: Console, interval: float) -> None:
    """Returns after Ctrl-C."""
    with suppress(KeyboardInterrupt), Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            live.update(workers.picture(), refresh=True)
            time.sleep(interval)
            workers.ask()


class _Workers:
    """The last answers of workers, by their addresses."""

    def __init__(self, settings: Settings, urls: Sequence[str]) -> None:
        self._settings = settings
        self._urls = list(dict.fromkeys(urls))
        self._rates: dict[str, dict[str, float]] = {}
        self.answers: dict[str, Status] = {}
        self.silent: dict[str, str] = {}
        """What is wrong with those that have not answered."""

    def ask(self) -> None:
        """Asks all workers, side by side."""
        before = self.answers
        with ThreadPoolExecutor(max_workers=len(self._urls)) as threads:
            found = dict(zip(self._urls, threads.map(self._answer, self._urls), strict=True))
        self.answers = {url: each for url, each in found.items() if isinstance(each, Status)}
        self.silent = {url: each for url, each in found.items() if isinstance(each, str)}
        for url, status in self.answers.items():
            rates = rates_between(before[url], status) if url in before else None
            # Two answers within a second are one.
            if rates is not None:
                self._rates[url] = rates

    def picture(self) -> RenderableType:
        """Returns the picture of the last answers."""
        rates = [self._rates[url] for url in self.answers if url in self._rates]
        return draw(self.answers, sources([*self.answers.values()], rates), self.silent)

    def _answer(self, url: str) -> Status | str:
        try:
            return ask(self._settings, url, "/status.json", _DECODER.decode)
        except CommandFailed as problem:
            return str(problem)
