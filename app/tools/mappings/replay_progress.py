"""How far a replay has come, so that a later run of the same command can go on.

The file is replaced in one step, so it is whole whenever the process is killed.
"""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from app.engine import LogPartition
from app.errors import CommandFailed
from app.tools.connected import Ranges, Span

_FORM: Final = 1
_KEEP_SECONDS: Final = 1.0


class ReplayProgress(Struct, forbid_unknown_fields=True):
    """The ranges that are left. `span`: what the first run was asked for."""

    topic: str
    into: str
    span: Span
    left: dict[str, tuple[int, int]]
    """By partition: the next offset, and the one after the last."""
    form: int = _FORM

    def ranges(self) -> Ranges:
        """Returns what is left to read. Empty ranges are left out."""
        return {
            LogPartition(self.topic, int(number)): (first, end)
            for number, (first, end) in self.left.items()
            if first < end
        }

    def set(self, ranges: Ranges, done: Mapping[LogPartition, int]) -> None:
        """Takes over the next offset of each partition. `ranges`: what there was to read."""
        for log, (first, end) in ranges.items():
            self.left[str(log.partition)] = done.get(log, first), end


class ProgressFile:
    """Keeps the progress of a replay in a file; without a path it keeps nothing."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def read(self, topic: str, into: str, span: Span) -> ReplayProgress | None:
        """Returns the progress of an earlier run, None if there was none.

        Raises CommandFailed if the file is that of another command, or is no such file.
        """
        if self._path is None:
            return None
        try:
            text = self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise CommandFailed(f"{self._path} cannot be read: {error.strerror}") from None
        try:
            found = msgspec.json.decode(text, type=ReplayProgress)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise CommandFailed(f"{self._path} is no progress of a replay") from None
        if (found.topic, found.into, found.span, found.form) != (topic, into, span, _FORM):
            raise CommandFailed(f"{self._path} is the progress of a replay with other arguments")
        return found

    def write(self, progress: ReplayProgress) -> None:
        """Replaces the file. Raises CommandFailed if that is not possible."""
        if self._path is None:
            return
        fresh = self._path.with_name(f"{self._path.name}.new")
        try:
            with fresh.open("wb") as file:
                file.write(msgspec.json.encode(progress) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
        except OSError as error:
            raise CommandFailed(f"{self._path} cannot be written: {error.strerror}") from None


class RangesLeft:
    """Notes what is left of the ranges: an offset is done when the events of its record are acknowledged.
    Keeps that in the file, at most once a second."""

    def __init__(self, progress: ReplayProgress, file: ProgressFile, ranges: Ranges) -> None:
        self._progress = progress
        self._file = file
        self._ranges = ranges
        self._mapped: dict[LogPartition, int] = {}
        progress.set(ranges, {})
        self.keep()

    def mapped(self, log: LogPartition, offset: int) -> None:
        """A record is mapped."""
        self._mapped[log] = offset + 1

    def written(self) -> None:
        """Everything that was mapped is acknowledged."""
        self._progress.set(self._ranges, self._mapped)
        if time.monotonic() - self._kept_at >= _KEEP_SECONDS:
            self.keep()

    def ended(self) -> None:
        """Everything is read, and acknowledged."""
        self._progress.set(self._ranges, {log: end for log, (_first, end) in self._ranges.items()})

    def keep(self) -> None:
        """Writes the file. Raises CommandFailed if that is not possible."""
        self._file.write(self._progress)
        self._kept_at = time.monotonic()
