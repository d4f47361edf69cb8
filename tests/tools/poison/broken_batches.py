"""Batches that are broken on the broker's disk: a wrong checksum, a payload that cannot be inflated, a
compression that nobody knows.

A broker refuses such batches from a producer, so they are made in its files. They are sent within a
transaction, and broken before it is committed: readers of committed records get nothing of an open
transaction, so no worker can have read them before.

A worker has to wait at such a batch, and to go on with all other partitions. When one has waited for a while,
the batch is mended, as if a replica took over. So each record is accounted for like any other.
"""

import struct
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

from aiokafka.record.util import calc_crc32c
from msgspec import Struct

from app.embedded_kafka import EmbeddedKafka
from tests.tools.faults.failed import CaseFailed
from tests.tools.faults.foreign import RecordPosition
from tests.tools.faults.watch import Offsets
from tests.tools.poison.dose import GZIP, Boundary, Damage

# The form of a batch (message format v2), and the positions of some fields in it.
_HEAD: Final = struct.Struct(">qi")
_CRC, _COVERED, _ATTRIBUTES, _PAYLOAD = 17, 21, 22, 61
_CODEC: Final = 0x07
_UNKNOWN_CODEC: Final = 5
# The beginning of a compressed stream of any codec.
_START_BYTES: Final = 16
# A worker must have tried to read the batch many times.
_WAIT_SECONDS: Final = 1.5


def data_of(kafka: EmbeddedKafka) -> Path:
    """Returns the folder in which the only broker keeps its logs."""
    (node,) = kafka._nodes
    return node.folder / "data"


class StoredBatch(Struct, frozen=True):
    """A batch in a broker's file."""

    file: Path
    at: int
    data: bytes

    def write(self, data: bytes) -> None:
        with self.file.open("r+b") as log:
            log.seek(self.at)
            log.write(data)


def stored_batch(folder: Path, position: RecordPosition) -> StoredBatch:
    """Returns the batch that holds a record. `folder`: the broker's data."""
    topic, partition, offset = position
    for file in sorted((folder / f"{topic}-{partition}").glob("*.log"), reverse=True):
        if int(file.stem) <= offset:
            return _found(file, offset)
    raise CaseFailed("no file of the broker holds the record")


def _found(file: Path, offset: int) -> StoredBatch:
    """Returns the last batch in the file that begins at the offset or before."""
    found = size = 0
    with file.open("rb") as log:
        at = 0
        while len(head := log.read(_HEAD.size)) == _HEAD.size:
            base, length = _HEAD.unpack(head)
            if base > offset or length <= 0:
                break
            found, size = at, _HEAD.size + length
            at += size
            log.seek(at)
        log.seek(found)
        return StoredBatch(file, found, log.read(size))


def broken(data: bytes, damage: Damage) -> bytes:
    """Returns the bytes of a batch with the damage. The checksum is right, if it is not the damage itself."""
    changed = bytearray(data)
    match damage:
        case "a wrong checksum":
            changed[_CRC] ^= 1
            return bytes(changed)
        case "a payload that cannot be inflated":
            if not changed[_ATTRIBUTES] & _CODEC:
                changed[_ATTRIBUTES] |= GZIP
            end = min(_PAYLOAD + _START_BYTES, len(changed))
            changed[_PAYLOAD:end] = bytes(end - _PAYLOAD)
        case "an unknown compression":
            changed[_ATTRIBUTES] = changed[_ATTRIBUTES] & ~_CODEC | _UNKNOWN_CODEC
    struct.pack_into(">I", changed, _CRC, calc_crc32c(memoryview(changed)[_COVERED:]))
    return bytes(changed)


class _Broken(Struct):
    batch: StoredBatch
    position: RecordPosition
    reached: tuple[Boundary, Damage]
    since: float | None = None
    """When a worker was first seen to wait at the batch."""

    def is_awaited(self, seen: Offsets) -> bool:
        topic, partition, offset = self.position
        committed = seen.committed.get((topic, partition), 0)
        if committed > offset:
            raise CaseFailed(f"a worker went past a batch with {self.reached[1]}")
        return committed == offset


class BrokenBatches:
    """The batches that are broken at the moment."""

    def __init__(self, folder: Path, now: Callable[[], float]) -> None:
        """`folder`: the broker's data; `now`: a clock in seconds."""
        self.reached: Counter[tuple[Boundary, str]] = Counter()
        """At how many batches a worker has waited, by their topic and damage."""
        self._folder = folder
        self._now = now
        self._broken: list[_Broken] = []

    def __len__(self) -> int:
        """Returns how many batches are broken."""
        return len(self._broken)

    def add(self, position: RecordPosition, boundary: Boundary, damage: Damage) -> None:
        """Breaks the batch that holds the first record of a dose."""
        batch = stored_batch(self._folder, position)
        batch.write(broken(batch.data, damage))
        self._broken.append(_Broken(batch, position, (boundary, damage)))

    def waiting(self, seen: Offsets | None) -> bool:
        """Returns whether a worker waits at one of the batches. `seen`: the offsets at the moment, None if no
        broker tells them. Raises CaseFailed if a worker has gone past a batch."""
        return seen is not None and any(each.is_awaited(seen) for each in self._broken)

    def mend(self, seen: Offsets | None) -> int:
        """Mends the batches at which workers have waited long enough, and returns how many are left. Raises
        CaseFailed as `waiting` does."""
        if seen is None:
            return len(self._broken)
        for each in list(self._broken):
            if not each.is_awaited(seen):
                each.since = None
            elif each.since is None:
                each.since = self._now()
            elif self._now() - each.since > _WAIT_SECONDS:
                each.batch.write(each.batch.data)
                self.reached[each.reached] += 1
                self._broken.remove(each)
        return len(self._broken)
