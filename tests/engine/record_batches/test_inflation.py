"""Every codec stops at the bound, whatever a stream says about its size."""

import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import cramjam
import pytest
from aiokafka import codec as aiokafka_codec
from aiokafka.errors import CorruptRecordException, UnsupportedCodecError

from app.engine.record_batches.inflation import (
    GZIP,
    LARGEST_BATCH,
    LZ4,
    SNAPPY,
    USUAL_BATCH,
    ZSTD,
    TooLarge,
    inflate,
)

ENCODERS: dict[int, Callable[[bytes], bytes]] = {
    GZIP: aiokafka_codec.gzip_encode,
    SNAPPY: aiokafka_codec.snappy_encode,
    LZ4: aiokafka_codec.lz4_encode,
    ZSTD: aiokafka_codec.zstd_encode,
}
BOUNDS = (USUAL_BATCH, LARGEST_BATCH)
TEXT = b"".join(b'{"user":%d}' % number for number in range(5_000))

each_codec = pytest.mark.parametrize("codec", ENCODERS)
each_bound = pytest.mark.parametrize("bound", BOUNDS)


def bomb(codec: int, size: int) -> bytes:
    """Returns so many zeros, compressed."""
    if codec == SNAPPY:
        return bytes(aiokafka_codec.snappy_encode(bytes(size), xerial_blocksize=1 << 20))
    if codec == GZIP:
        return bytes(aiokafka_codec.gzip_encode(bytes(size), 1))
    return ENCODERS[codec](bytes(size))


def _lz4(**options: bool) -> bytes:
    compressor = cramjam.lz4.Compressor(**options)
    compressor.compress(TEXT * 50)
    return bytes(compressor.finish())


@each_codec
@each_bound
def test_what_is_within_the_bound_is_what_aiokafka_inflates(codec: int, bound: int) -> None:
    assert inflate(codec, ENCODERS[codec](TEXT), bound) == TEXT
    assert inflate(codec, memoryview(ENCODERS[codec](TEXT)), bound) == TEXT


@each_codec
@each_bound
def test_exactly_the_bound_is_read_and_one_byte_more_is_not(codec: int, bound: int) -> None:
    assert len(inflate(codec, bomb(codec, bound), bound)) == bound
    for more in (1, 16, 17, 1000):
        with pytest.raises(TooLarge):
            inflate(codec, bomb(codec, bound + more), bound)
    assert inflate(codec, ENCODERS[codec](TEXT), bound) == TEXT


@each_codec
def test_a_stream_that_is_cut_off_or_malformed_is_corrupt(codec: int) -> None:
    stream = ENCODERS[codec](TEXT)
    for length in (1, 20, len(stream) // 2, len(stream) - 1):
        with pytest.raises(CorruptRecordException):
            inflate(codec, stream[:length])
    with pytest.raises(CorruptRecordException):
        inflate(codec, b"not compressed, and longer than any header")


@each_codec
def test_a_stream_that_is_too_large_is_not_corrupt_although_its_end_is_missing(codec: int) -> None:
    stream = bomb(codec, USUAL_BATCH * 2)
    with pytest.raises(TooLarge):
        inflate(codec, stream[: len(stream) * 3 // 4], USUAL_BATCH)


def test_the_stated_size_of_gzip_is_not_trusted() -> None:
    stream = bytearray(bomb(GZIP, USUAL_BATCH * 2))
    struct.pack_into("<I", stream, len(stream) - 4, 17)
    with pytest.raises(TooLarge):
        inflate(GZIP, bytes(stream), USUAL_BATCH)


def test_members_of_gzip_count_together() -> None:
    half = bomb(GZIP, USUAL_BATCH // 2)
    assert len(inflate(GZIP, half + half, USUAL_BATCH)) == USUAL_BATCH
    with pytest.raises(TooLarge):
        inflate(GZIP, half + half + aiokafka_codec.gzip_encode(b"x"), USUAL_BATCH)
    assert inflate(GZIP, aiokafka_codec.gzip_encode(b"x") + b"what a broker ignores") == b"x"


def test_frames_of_zstd_count_together() -> None:
    half = bomb(ZSTD, USUAL_BATCH // 2)
    assert len(inflate(ZSTD, half + half, USUAL_BATCH)) == USUAL_BATCH
    with pytest.raises(TooLarge):
        inflate(ZSTD, half + half + ENCODERS[ZSTD](b"x"), USUAL_BATCH)


LZ4_FORMS = {
    "of aiokafka": ENCODERS[LZ4](TEXT),
    "several blocks": bytes(cramjam.lz4.compress(TEXT * 50)),
    "no checksum": bytes(_lz4(content_checksum=False)),
    "blocks that do not compress": ENCODERS[LZ4](bytes(range(256)) * 3),
    "empty": ENCODERS[LZ4](b""),
}


@pytest.mark.parametrize("after", [b"", b"\0" * 8, b"what a broker ignores", ENCODERS[LZ4](TEXT)])
@pytest.mark.parametrize("form", LZ4_FORMS)
def test_of_lz4_the_first_frame_is_read_as_a_broker_does(form: str, after: bytes) -> None:
    frame = LZ4_FORMS[form]
    assert inflate(LZ4, frame + after) == cramjam.lz4.decompress(frame).read()


def test_zstd_without_a_stated_size_is_bounded() -> None:
    compressor, stream = cramjam.zstd.Compressor(), b""
    for _ in range(3):
        compressor.compress(bytes(USUAL_BATCH // 2))
        stream += bytes(compressor.flush())
    with pytest.raises(TooLarge):
        inflate(ZSTD, stream + bytes(compressor.finish()), USUAL_BATCH)


def test_a_block_of_snappy_that_states_a_huge_size_takes_no_memory() -> None:
    four_gib = b"\xff\xff\xff\xff\x0f" + bytes(20)
    framed = b"\x82SNAPPY\0" + struct.pack(">iii", 1, 1, len(four_gib)) + four_gib
    for stream in (four_gib, framed):
        with pytest.raises(TooLarge):
            inflate(SNAPPY, stream)


def test_snappy_without_frames_and_with_a_second_header_is_read() -> None:
    assert inflate(SNAPPY, bytes(cramjam.snappy.compress_raw(TEXT))) == TEXT
    framed = aiokafka_codec.snappy_encode(b"one") + aiokafka_codec.snappy_encode(b"two")
    assert inflate(SNAPPY, framed) == b"onetwo"


@pytest.mark.parametrize("length", [-4, 0, 1000])
def test_a_block_of_snappy_without_an_end_is_corrupt(length: int) -> None:
    block = bytes(cramjam.snappy.compress_raw(b"value"))
    stream = b"\x82SNAPPY\0" + struct.pack(">iii", 1, 1, length) + block
    with pytest.raises(CorruptRecordException):
        inflate(SNAPPY, stream)


def test_an_unknown_codec_is_said() -> None:
    with pytest.raises(UnsupportedCodecError):
        inflate(5, b"")


@each_codec
def test_threads_do_not_share_memory(codec: int) -> None:
    texts = [bytes([number]) * 1_000_000 for number in range(8)]
    streams = [ENCODERS[codec](text) for text in texts]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(10):
            assert list(pool.map(lambda stream: inflate(codec, stream, USUAL_BATCH), streams)) == texts
