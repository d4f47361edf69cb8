"""Header names that are not UTF-8 are read. Everything else is read as aiokafka reads it."""

import struct
from typing import Any

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c

from app.dead_letters import SourceRecord, our_headers
from app.engine.record_batches.lenient_records import LenientRecords
from app.engine.slices import size_of
from app.outcome import Dead, Skip
from app.vendors import VENDORS, Options, convert

# The byte positions of a batch's checksum, and of what the checksum covers.
_CRC, _COVERED = 17, 21
_NONE, _GZIP = 0, 1


def batch(base: int, header: bytes, *, compression: int = _NONE, records: int = 3) -> bytes:
    builder = DefaultRecordBatchBuilder(2, compression, False, -1, -1, -1, 1 << 20)
    name = "#" * len(header)
    for offset in range(records):
        builder.append(
            offset, 1_700_000_000_000, b"key", b"value %d" % offset, [(name, b"x"), ("tenant", None)]
        )
    data = bytearray(bytes(builder.build()).replace(name.encode(), header))
    struct.pack_into(">q", data, 0, base)
    struct.pack_into(">I", data, _CRC, calc_crc32c(memoryview(data)[_COVERED:]))
    return bytes(data)


def read(records: Any) -> list[tuple[Any, ...]]:
    found = []
    while records.has_next():
        each = records.next_batch()
        assert each.validate_crc()
        assert not each.is_control_batch
        found += [(it.offset, it.timestamp, it.key, it.value, list(it.headers)) for it in each]
    return found


@pytest.mark.parametrize("compression", [_NONE, _GZIP])
def test_usual_records_are_what_aiokafka_reads(compression: int) -> None:
    answer = batch(0, b"some-header", compression=compression) + batch(3, b"other", compression=compression)
    assert read(LenientRecords(answer)) == read(MemoryRecords(answer))


def test_a_header_name_that_is_not_utf_8_costs_nothing_but_itself() -> None:
    answer = batch(0, b"good") + batch(3, b"\xff\xfe\xfd") + batch(6, b"good")
    with pytest.raises(UnicodeDecodeError):
        read(MemoryRecords(answer))
    records = read(LenientRecords(answer))
    assert [offset for offset, *_ in records] == list(range(9))
    assert [value for _, _, _, value, _ in records] == [b"value 0", b"value 1", b"value 2"] * 3
    names = {offset: [name for name, _ in headers] for offset, _, _, _, headers in records}
    assert names[0] == names[8] == ["good", "tenant"]
    assert names[3] == names[5] == ["\ufffd" * 3, "tenant"]
    assert records[4][4][1] == ("tenant", None)


def test_a_size_is_that_of_the_answer() -> None:
    answer = batch(0, b"good")
    assert LenientRecords(answer).size_in_bytes() == len(answer)


def legacy(magic: int, *, compression: int = _NONE, timestamp: int | None = 17) -> bytes:
    """Returns records as brokers sent them before Kafka 0.11: format v0 has no timestamp, and v0 and v1 have
    no headers."""
    builder = LegacyRecordBatchBuilder(magic, compression, 1 << 20)
    for offset, (key, value) in enumerate([(b"key", b"value"), (None, None), (b"", b"")]):
        builder.append(offset, timestamp=timestamp, key=key, value=value)
    return bytes(builder.build())


@pytest.mark.parametrize("compression", [_NONE, _GZIP])
@pytest.mark.parametrize(("magic", "timestamp"), [(0, -1), (1, 17)])
def test_records_of_old_formats_have_a_timestamp_or_none_as_those_of_today(
    magic: int, timestamp: int, compression: int
) -> None:
    answer = legacy(magic, compression=compression)
    assert [(key, value) for _, _, key, value, _ in read(MemoryRecords(answer))] == [
        (b"key", b"value"),
        (None, None),
        (b"", b""),
    ]
    assert read(LenientRecords(answer)) == [
        (0, timestamp, b"key", b"value", []),
        (1, timestamp, None, None, []),
        (2, timestamp, b"", b"", []),
    ]


@pytest.mark.parametrize(("magic", "timestamp"), [(0, b"-1"), (1, b"17")])
def test_a_record_of_an_old_format_has_an_outcome_and_a_dead_letter(magic: int, timestamp: bytes) -> None:
    answer = LenientRecords(legacy(magic))
    records = []
    while answer.has_next():
        records += list(answer.next_batch())
    for record in records:
        assert isinstance(convert(VENDORS["fynd"], record, "vendor.fynd.users/0", Options()), Dead | Skip)
        headers = our_headers(
            record, SourceRecord("vendor.fynd.users", 0, 1, "fynd"), Dead("schema", ""), app_id="x", now=0
        )
        assert dict(headers)["x-original-timestamp"] == timestamp
    assert all(size_of(record) == len(record.value or b"") + len(record.key or b"") for record in records)
