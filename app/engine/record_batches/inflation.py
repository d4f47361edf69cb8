"""Inflates compressed batches, and stops at a bound.

A few KiB can inflate to gigabytes, and what a compressed batch says about its size is not trusted. aiokafka's
codecs inflate a batch as a whole, so these take their place (`aiokafka_patches.py`).
"""

import mmap
import os
import struct
import threading
import zlib
from collections.abc import Callable
from functools import partial
from typing import Final

import cramjam
from aiokafka.errors import CorruptRecordException, UnsupportedCodecError

GZIP: Final = 1
SNAPPY: Final = 2
LZ4: Final = 3
ZSTD: Final = 4
"""The codecs, with the numbers that they have in the attributes of a batch."""

LARGEST_BATCH: Final = 64 << 20
"""How many bytes a batch may inflate to. The records of a larger one are not read."""

USUAL_BATCH: Final = 4 << 20
"""Nearly every batch inflates to fewer bytes. For those the memory is taken once and kept."""

Bytes = bytes | memoryview

_GZIP_MAGIC: Final = b"\x1f\x8b"
_WITH_GZIP_HEADER: Final = zlib.MAX_WBITS | 16
# The framing of snappy's Java library: this and two numbers, then blocks, each after its length.
_XERIAL_MAGIC: Final = b"\x82SNAPPY\x00"
_XERIAL_HEADER: Final = 16
_BLOCK_LENGTH: Final = struct.Struct(">i")
# A frame of LZ4: a magic number, flags, a byte, two optional numbers and a checksum; then blocks, each after
# its length, the last one empty; then an optional checksum.
_LZ4_FLAGS: Final = 4
_LZ4_DESCRIPTOR: Final = 7
_LZ4_HAS_DICTIONARY, _LZ4_HAS_SUM, _LZ4_HAS_SIZE, _LZ4_HAS_BLOCK_SUMS = 0x01, 0x04, 0x08, 0x10
_LZ4_LENGTH: Final = struct.Struct("<I")
_LZ4_IS_PLAIN: Final = 1 << 31
# cramjam raises the same error for a stream that does not fit and for one that is corrupt. These bytes at the
# end of the memory are overwritten only in the first case, and no producer can know them.
_MARK: Final = os.urandom(16)


class TooLarge(Exception):
    """A batch inflates to more bytes than allowed."""


class _Memory:
    """Memory that a batch is inflated into, with the mark at its end."""

    def __init__(self, size: int) -> None:
        self.size = size
        # A page of anonymous memory exists when it is first written, so a bound costs only what is used.
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        self.bytes = memoryview(mmap.mmap(-1, size + len(_MARK), flags=flags))
        self._mark = self.bytes[size:]
        self._mark[:] = _MARK

    def overflowed(self) -> bool:
        """Returns whether the mark was overwritten, and sets it again."""
        if self._mark == _MARK:
            return False
        self._mark[:] = _MARK
        return True


class _OfThread(threading.local):
    """Memory for usual batches, kept by each thread, because cramjam runs without the interpreter's lock."""

    def __init__(self) -> None:
        self.memory = _Memory(USUAL_BATCH)


_usual = _OfThread()


def inflate(codec: int, data: Bytes, largest: int = LARGEST_BATCH) -> Bytes:
    """Returns the inflated bytes, at most `largest`, which is LARGEST_BATCH or USUAL_BATCH.

    Raises TooLarge if there are more, and CorruptRecordException if the stream is cut off or malformed.
    """
    if codec == GZIP:
        return _gunzip(data, largest)
    into = _INTO.get(codec)
    if into is None:
        raise UnsupportedCodecError(f"Unknown compression codec {codec:#04x}")
    memory = _usual.memory if largest == USUAL_BATCH else _Memory(largest)
    try:
        size = into(data, memory.bytes)
    except cramjam.DecompressionError as error:
        if memory.overflowed():
            raise TooLarge from None
        raise CorruptRecordException(f"a batch cannot be inflated: {error}") from None
    if size > largest:
        memory.overflowed()
        raise TooLarge
    return bytes(memory.bytes[:size]) if largest == USUAL_BATCH else memory.bytes[:size]


def _gunzip(data: Bytes, largest: int) -> bytes:
    """Returns the contents of all members. Like the broker, it ignores what follows the last one."""
    found: list[bytes] = []
    while True:
        member = zlib.decompressobj(_WITH_GZIP_HEADER)
        try:
            found.append(member.decompress(data, largest + 1))
        except zlib.error as error:
            raise CorruptRecordException(f"a batch cannot be inflated: {error}") from None
        largest -= len(found[-1])
        if largest < 0:
            raise TooLarge
        if not member.eof:
            raise CorruptRecordException("a batch cannot be inflated: it is cut off")
        data = member.unused_data
        if data[:2] != _GZIP_MAGIC:
            return b"".join(found)


def _unsnap(data: Bytes, target: memoryview) -> int:
    """Inflates into `target`, whose last bytes are the mark, and returns how many bytes there are."""
    if data[: len(_XERIAL_MAGIC)] != _XERIAL_MAGIC:
        return _unsnap_block(data, target)
    at = filled = 0
    while at < len(data):
        if data[at : at + len(_XERIAL_MAGIC)] == _XERIAL_MAGIC:
            at += _XERIAL_HEADER
            continue
        start = at + _BLOCK_LENGTH.size
        length = int.from_bytes(data[at:start], "big", signed=True)
        at = start + length
        if length <= 0 or at > len(data):
            raise CorruptRecordException("a batch cannot be inflated: a block has no end")
        filled += _unsnap_block(data[start:at], target[filled:])
    return filled


def _unsnap_block(block: Bytes, target: memoryview) -> int:
    # A block states its size. The library refuses a wrong one, but takes the memory first.
    stated = cramjam.snappy.decompress_raw_len(block)
    if stated > len(target) - len(_MARK):
        raise TooLarge
    return int(cramjam.snappy.decompress_raw_into(block, target[:stated])) if stated else 0


def _unframe(data: Bytes, target: memoryview) -> int:
    """Inflates the first frame of LZ4 into `target`. A broker ignores what follows it, and the library does
    not."""
    return int(cramjam.lz4.decompress_into(data[: _end_of_frame(data)], target))


def _end_of_frame(data: Bytes) -> int:
    """Returns where the first frame ends. Returns any position if the frame is cut off or malformed."""
    if len(data) < _LZ4_DESCRIPTOR:
        return len(data)
    flags = data[_LZ4_FLAGS]
    at = _LZ4_DESCRIPTOR + 8 * bool(flags & _LZ4_HAS_SIZE) + 4 * bool(flags & _LZ4_HAS_DICTIONARY)
    block_end = 4 * bool(flags & _LZ4_HAS_BLOCK_SUMS)
    while at + _LZ4_LENGTH.size <= len(data):
        (length,) = _LZ4_LENGTH.unpack_from(data, at)
        at += _LZ4_LENGTH.size
        if not length:
            return at + 4 * bool(flags & _LZ4_HAS_SUM)
        at += (length & ~_LZ4_IS_PLAIN) + block_end
    return len(data)


_INTO: Final[dict[int, Callable[[Bytes, memoryview], int]]] = {
    SNAPPY: _unsnap,
    LZ4: _unframe,
    ZSTD: cramjam.zstd.decompress_into,
}

gzip_decode = partial(inflate, GZIP)
snappy_decode = partial(inflate, SNAPPY)
lz4_decode = partial(inflate, LZ4)
