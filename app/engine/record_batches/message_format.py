"""The form of a batch and of its records in Kafka's message format v2."""

import struct
from typing import Final

from aiokafka.errors import CorruptRecordException

from app.engine.record_batches.inflation import Bytes

# The positions of some fields of a batch.
LENGTH, LENGTH_ENDS, MAGIC, ATTRIBUTES, COUNT, RECORDS = 8, 12, 16, 22, 57, 61
INT32: Final = struct.Struct(">i")
CODEC: Final = 0x07
"""The bits of the attributes that say how a batch is compressed."""
FORMAT_V2: Final = 2

_VARINT_MORE: Final = 0x80
_VARINT_BITS: Final = 7


def look_into(data: Bytes, at: int) -> tuple[int, int, int]:
    """Returns offset delta, timestamp delta and the number of headers of the record at `at`."""
    timestamp_delta, at = varint(data, at + 1)
    offset_delta, at = varint(data, at)
    for _ in ("key", "value"):
        length, at = varint(data, at)
        at += max(length, 0)
    return offset_delta, timestamp_delta, varint(data, at)[0]


def varint(data: Bytes, at: int) -> tuple[int, int]:
    """Returns a number and the position after it."""
    number = shift = 0
    try:
        while (byte := data[at]) >= _VARINT_MORE:
            number |= (byte & (_VARINT_MORE - 1)) << shift
            shift += _VARINT_BITS
            at += 1
    except IndexError:
        raise CorruptRecordException("a record is cut off") from None
    number |= byte << shift
    return (number >> 1) ^ -(number & 1), at + 1
