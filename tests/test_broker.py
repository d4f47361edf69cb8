"""All processes of a test session share one Kafka."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import Event

import pytest

from tests.broker import shared
from tests.waiting import GIVE_UP_SECONDS


class Starts:
    """A Kafka that only counts how often it was started and stopped."""

    def __init__(self) -> None:
        self.started = self.stopped = 0

    @contextmanager
    def start(self) -> Iterator[str]:
        self.started += 1
        yield f"address {self.started}"
        self.stopped += 1


def test_it_is_started_once_and_runs_until_nobody_uses_it(tmp_path: Path) -> None:
    starts, first_is_in, first_leaves = Starts(), Event(), Event()

    def first() -> None:
        with shared(tmp_path / "kafka", starts.start):
            first_is_in.set()
            assert first_leaves.wait(GIVE_UP_SECONDS)

    with ThreadPoolExecutor() as others:
        ended = others.submit(first)
        assert first_is_in.wait(GIVE_UP_SECONDS)
        with shared(tmp_path / "kafka", starts.start) as servers:
            assert (servers, starts.started) == ("address 1", 1)
            first_leaves.set()
            # An error would be that the first one does not wait for this one. Only time can show that.
            with pytest.raises(TimeoutError):
                ended.result(0.5)
            assert starts.stopped == 0
        ended.result(GIVE_UP_SECONDS)
    assert (starts.started, starts.stopped) == (1, 1)


def test_who_comes_after_its_end_starts_another(tmp_path: Path) -> None:
    starts = Starts()
    for expected in ("address 1", "address 2"):
        with shared(tmp_path / "kafka", starts.start) as servers:
            assert servers == expected
    assert (starts.started, starts.stopped) == (2, 2)


def test_a_start_that_fails_is_tried_by_the_next(tmp_path: Path) -> None:
    def fails() -> AbstractContextManager[str]:
        raise OSError("no memory")

    with pytest.raises(OSError, match="no memory"), shared(tmp_path / "kafka", fails):
        pass
    with shared(tmp_path / "kafka", Starts().start) as servers:
        assert servers == "address 1"
