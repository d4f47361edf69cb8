"""Replaces private parts of aiokafka. `aiokafka_parts.py` has the reason for each.

Importing this module installs the replacements that hold for a whole process. Two replacements hold for one
client and are made when it starts: `record_batches/fetched_records.py`, and the coordinator in
`consumer/membership.py`.
`app/engine/__init__.py` imports this module first, so every module that makes a client of aiokafka has it.
"""

from importlib import import_module
from typing import Any

from aiokafka import errors
from aiokafka.consumer import fetcher
from aiokafka.errors import BrokerResponseError
from aiokafka.protocol.metadata import MetadataRequest, MetadataRequestStruct
from aiokafka.record import legacy_records

from app.engine.record_batches import fetched_records, inflation
from app.engine.record_batches.lenient_records import LenientRecords


class InvalidRecordError(BrokerResponseError):
    """The broker's validation refused a record."""

    errno = 87
    message = "INVALID_RECORD"
    description = "The broker's validation of a record failed, for example a null key on a compacted topic."


class GroupMaxSizeReachedError(BrokerResponseError):
    """The group has as many members as the brokers allow."""

    errno = 81
    message = "GROUP_MAX_SIZE_REACHED"
    description = "The consumer group has reached its max size."


class FencedInstanceIdError(BrokerResponseError):
    """Another member has the same group.instance.id."""

    errno = 82
    message = "FENCED_INSTANCE_ID"
    description = "The broker rejected this static consumer since another one has the same instance id."


_build = MetadataRequest.build


def _build_without_creation(
    self: MetadataRequest, request_struct_class: type[MetadataRequestStruct]
) -> MetadataRequestStruct:
    """Returns the request with the flag off. Brokers since 0.11 know the flag (version 4 of the request)."""
    self._allow_auto_topic_creation = False
    return _build(self, request_struct_class)


MetadataRequest.build = _build_without_creation
for _error in (InvalidRecordError, GroupMaxSizeReachedError, FencedInstanceIdError):
    errors.kafka_errors.setdefault(_error.errno, _error)
fetcher.MemoryRecords = LenientRecords
fetcher.FetchResult = fetched_records.FetchResult
_compiled: Any = import_module(legacy_records.LegacyRecordBatch.__module__)
legacy_records.gzip_decode = _compiled.gzip_decode = inflation.gzip_decode
legacy_records.snappy_decode = _compiled.snappy_decode = inflation.snappy_decode
legacy_records.lz4_decode = _compiled.lz4_decode = inflation.lz4_decode
