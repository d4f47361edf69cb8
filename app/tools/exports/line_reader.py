"""The lines of a file or of standard input, for a command that does something else while it waits."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Final

from app.errors import CommandFailed
from app.line_splitter import LineSplitter

STANDARD_INPUT: Final = "-"
_CHUNK: Final = 1 << 16


@contextmanager
def opened(name: str) -> Iterator[int]:
    """Gives the file descriptor of a file; `-` is standard input. Raises CommandFailed if there is no such
    file, or it cannot be read."""
    if name == STANDARD_INPUT:
        yield sys.stdin.fileno()
        return
    try:
        file = open(name, "rb", buffering=0)  # noqa: PTH123, SIM115 - a name of any form; closed below
    except OSError as error:
        raise CommandFailed(f"cannot read {name}: {error.strerror}") from None
    with file:
        yield file.fileno()


async def lines_of(source: int, limit: int) -> AsyncIterator[tuple[int, bytes]]:
    """Yields each line that is not blank, without its end, and its number; the first is 1. `LineSplitter`
    bounds them by `limit`."""
    number, splitter = 0, LineSplitter(limit)
    while chunk := await _read(source):
        for line in splitter.add(chunk):
            number += 1
            if line and not line.isspace():
                yield number, line
    if splitter.rest and not splitter.rest.isspace():
        yield number + 1, splitter.rest


async def _read(source: int) -> bytes:
    """Returns the next bytes; none at the end."""
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    try:
        loop.add_reader(source, ready.set)
    except PermissionError:
        return os.read(source, _CHUNK)  # a regular file: it is always ready
    try:
        await ready.wait()
    finally:
        loop.remove_reader(source)
    return os.read(source, _CHUNK)
