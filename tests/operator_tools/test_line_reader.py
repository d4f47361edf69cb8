"""Lines of files and pipes, with their numbers."""

import asyncio
import os
from pathlib import Path

import pytest

from app.errors import CommandFailed
from app.tools.exports.line_reader import lines_of, opened


async def read(source: int, limit: int = 100) -> list[tuple[int, bytes]]:
    return [each async for each in lines_of(source, limit)]


async def test_lines_of_a_file_have_their_numbers(tmp_path: Path) -> None:
    file = tmp_path / "users"
    file.write_bytes(b"a\n\n \t\r\nb\r\n" + b"c" * 200_000 + b"\nd")
    with opened(str(file)) as source:
        found = await read(source)
    assert [number for number, _ in found] == [1, 4, 5, 6]
    assert [line for _, line in found if len(line) < 100] == [b"a", b"b\r", b"d"]
    # Enough to see that it is too long, and not all of it.
    assert 100 < len(found[2][1]) < 200_000
    file.write_bytes(b"a\n\n ")
    with opened(str(file)) as source:
        assert await read(source) == [(1, b"a")]


async def test_a_pipe_leaves_time_for_others() -> None:
    reader, writer = os.pipe()
    reading = asyncio.create_task(read(reader))
    try:
        await asyncio.sleep(0)
        os.write(writer, b"a\nb")
        await asyncio.sleep(0.01)
        assert not reading.done()
        os.write(writer, b"c\n")
    finally:
        os.close(writer)
    try:
        assert await reading == [(1, b"a"), (2, b"bc")]
    finally:
        os.close(reader)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for name in (tmp_path, tmp_path / "none"):
        with pytest.raises(CommandFailed, match=r"\Acannot read .*: "), opened(str(name)):
            pass
