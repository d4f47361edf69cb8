"""Batches that are broken in a broker's file: which batch it is, how it is broken, and when it is mended."""

import struct
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from aiokafka.errors import CorruptRecordException, UnsupportedCodecError

from app.engine.record_batches.lenient_records import LenientRecords
from tests.kafka import ToSend
from tests.tools.faults.failed import CaseFailed
from tests.tools.faults.watch import Offsets
from tests.tools.poison.batches import raw_batch
from tests.tools.poison.broken_batches import BrokenBatches, broken, stored_batch
from tests.tools.poison.dose import CODECS, DAMAGES, GZIP, Damage

VALUE = b'{"a":"a"}' * 20


@cache
def batch(base: int, count: int, codec: int = GZIP) -> bytes:
    """Returns the same bytes each time: gzip writes the second into its header in which it is called."""
    data = bytearray(raw_batch([ToSend(None, VALUE, [], 7)] * count, codec, odd_names=False))
    struct.pack_into(">q", data, 0, base)
    return bytes(data)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Returns a broker's data with two files of a partition, with offsets 0 to 4 and 7 to 9."""
    log = tmp_path / "topic-1"
    log.mkdir()
    (log / f"{0:020}.log").write_bytes(batch(0, 3) + batch(3, 2))
    (log / f"{7:020}.log").write_bytes(batch(7, 1) + batch(8, 2))
    return tmp_path


@pytest.mark.parametrize(("offset", "base"), [(0, 0), (2, 0), (3, 3), (4, 3), (7, 7), (8, 8), (9, 8)])
def test_the_batch_of_a_record_is_found(folder: Path, offset: int, base: int) -> None:
    found = stored_batch(folder, ("topic", 1, offset))
    assert found.data == batch(base, {0: 3, 3: 2, 7: 1, 8: 2}[base])


def test_a_record_that_no_file_holds_is_said(folder: Path) -> None:
    with pytest.raises(CaseFailed):
        stored_batch(folder, ("topic", 0, 0))


@pytest.mark.parametrize("codec", [0, *CODECS])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_broken_batch_cannot_be_read(codec: int, damage: Damage) -> None:
    data = batch(0, 3, codec)
    changed = LenientRecords(broken(data, damage)).next_batch()
    assert len(broken(data, damage)) == len(data)
    assert changed.validate_crc() is (damage != "a wrong checksum")
    if changed.validate_crc():
        with pytest.raises((CorruptRecordException, UnsupportedCodecError)):
            list(changed)


def offsets(committed: int) -> Offsets:
    return Offsets({("topic", 1): 10}, {("topic", 1): committed})


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_batch_is_mended_when_a_worker_has_waited_at_it(folder: Path) -> None:
    clock, stored = Clock(), stored_batch(folder, ("topic", 1, 3))
    batches = BrokenBatches(folder, clock)
    batches.add(("topic", 1, 3), "vendor", "a wrong checksum")
    assert stored_batch(folder, ("topic", 1, 3)).data == broken(stored.data, "a wrong checksum")
    for seen in (None, offsets(2), offsets(3)):
        assert batches.waiting(seen) is (seen == offsets(3))
        assert batches.mend(seen) == 1
        clock.now += 9
    assert batches.mend(offsets(3)) == 0
    assert batches.reached == {("vendor", "a wrong checksum"): 1}
    assert stored_batch(folder, ("topic", 1, 3)) == stored
    assert not len(batches)


@pytest.mark.parametrize("asked", [BrokenBatches.waiting, BrokenBatches.mend])
def test_a_worker_that_goes_past_a_batch_is_said(
    folder: Path, asked: Callable[[BrokenBatches, Offsets], object]
) -> None:
    batches = BrokenBatches(folder, Clock())
    batches.add(("topic", 1, 3), "vendor", "an unknown compression")
    with pytest.raises(CaseFailed, match="went past a batch with an unknown compression"):
        asked(batches, offsets(4))
