"""Runs something in a thread beside the soak."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


@contextmanager
def beside(step: Callable[[], None]) -> Iterator[None]:
    """Calls `step` again and again until the block ends. An error of `step` is raised at the end of the
    block."""
    done = threading.Event()

    def run() -> None:
        while not done.is_set():
            step()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run)
        try:
            yield
        finally:
            done.set()
            running.result()
