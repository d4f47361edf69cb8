"""The lines of a file or of standard input, for a command that does something else while it waits."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Final

from app.errors import CommandFailed

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
    """Yields each line that is not blank, without its end, and its number; the first is 1. Of a line that is
    longer than `limit` bytes, which bounds the memory, only a little more than `limit` are kept."""
    number, rest = 0, b""
    while chunk := await _read(source):
        lines = chunk.split(b"\n")
        lines[0] = rest + lines[0]
        rest = lines.pop()[: limit + 1]
        for line in lines:
            number += 1
            if not line.isspace() and line:
                yield number, line
    if rest and not rest.isspace():
        yield number + 1, rest


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
