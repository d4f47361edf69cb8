"""`rollcall fold`: canonical events in, the rows of every key out (docs/tables.md#fold). It needs no
Kafka."""

from collections.abc import Iterator
from typing import BinaryIO, TextIO

import msgspec
from msgspec import Raw, Struct

from app.canonical import Event, InvalidEvent, decode_event
from app.state import (
    NO_ROWS,
    InvalidRow,
    Rows,
    decode_loyalty,
    decode_user,
    encode_loyalty,
    encode_user,
    fold,
    merge,
)

_NULL = b"null"


class KeyRows(Struct):
    """A line of the output, and of the file of `--rows`."""

    key: str
    user: Raw
    loyalty: Raw


class BadInput(Exception):
    """An input is malformed. The text has the line, the path and what was expected there, never a value."""


_decoder = msgspec.json.Decoder(KeyRows)
_encode = msgspec.json.Encoder().encode


def run_fold(rows_file: str | None, stdin: BinaryIO, stdout: BinaryIO, stderr: TextIO) -> int:
    """Folds the events of `stdin`, merges the result with the rows of `rows_file`, and writes the rows to
    `stdout`, sorted by key.

    Returns the exit code: 0, or 1 with one line on `stderr` and nothing on `stdout` if a line of either input
    is malformed or the file cannot be read.
    """
    try:
        rows = fold(_events(stdin))
        if rows_file is not None:
            _merge_file(rows, rows_file)
    except BadInput as error:
        print(f"rollcall: {error}", file=stderr)
        return 1
    stdout.writelines(_line(key, rows[key]) for key in sorted(rows))
    stdout.flush()
    return 0


def _events(lines: BinaryIO) -> Iterator[Event]:
    for number, line in enumerate(lines, 1):
        try:
            yield decode_event(line)
        except InvalidEvent as error:
            raise BadInput(f"line {number} is no canonical event: {error}") from None


def _merge_file(rows: dict[str, Rows], rows_file: str) -> None:
    try:
        with open(rows_file, "rb") as lines:  # noqa: PTH123
            for number, line in enumerate(lines, 1):
                try:
                    key, earlier = _read(line)
                    rows[key] = merge(rows.get(key, NO_ROWS), earlier)
                except InvalidRow as error:
                    raise BadInput(f"line {number} of the rows file is no output of fold: {error}") from None
    except OSError as error:
        raise BadInput(f"cannot read the rows file {rows_file}: {error.strerror}") from None


def _read(line: bytes) -> tuple[str, Rows]:
    try:
        it = _decoder.decode(line)
    except (ValueError, RecursionError):
        raise InvalidRow("expected an object with key, user and loyalty") from None
    user, loyalty = bytes(it.user), bytes(it.loyalty)
    return it.key, Rows(
        None if user == _NULL else decode_user(user),
        None if loyalty == _NULL else decode_loyalty(loyalty),
    )


def _line(key: str, rows: Rows) -> bytes:
    user = _NULL if rows.user is None else encode_user(rows.user)
    loyalty = _NULL if rows.loyalty is None else encode_loyalty(rows.loyalty)
    return _encode(KeyRows(key, Raw(user), Raw(loyalty))) + b"\n"
