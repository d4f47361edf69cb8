"""Finds the smallest input that breaks the same promise, by leaving out everything that is not needed for
that."""

from collections.abc import Callable
from typing import TypeVar

from msgspec.structs import replace

from tests.tools.fuzz.campaign import Report, finding_of
from tests.tools.fuzz.inputs import HistoryInput, Input
from tests.tools.fuzz.row_inputs import LogEntry, RowInput

T = TypeVar("T")


def minimised(it: Input, finding: str) -> Input:
    """Returns the input without the events, headers and bytes of values that the finding does not need."""

    def same(shorter: Input) -> bool:
        return finding_of(shorter, Report()) == finding

    if isinstance(it, RowInput):
        return _least_log(it, same)
    if isinstance(it, HistoryInput):
        values = _least(it.values, lambda kept: same(HistoryInput(kept)))
        for index in range(len(values)):
            values = _least_value(values, index, same)
        return HistoryInput(values)
    fewer = replace(it, headers=_least(it.headers, lambda kept: same(replace(it, headers=kept))))
    if it.value is None:
        return fewer
    left = _least(list(it.value), lambda kept: same(replace(fewer, value=bytes(kept))))
    return replace(fewer, value=bytes(left))


def _least_log(it: RowInput, same: Callable[[Input], bool]) -> RowInput:
    log = _least(it.log, lambda kept: same(RowInput(kept)))
    for index in range(len(log)):
        log = _least_entry(log, index, same)
    return RowInput(log)


def _least_entry(log: list[LogEntry], index: int, same: Callable[[Input], bool]) -> list[LogEntry]:
    """Returns the log without the bytes that are not needed in the value of one of its records."""
    value = log[index].value
    if value is None:
        return log

    def with_(kept: list[int]) -> list[LogEntry]:
        return [*log[:index], replace(log[index], value=bytes(kept)), *log[index + 1 :]]

    return with_(_least(list(value), lambda kept: same(RowInput(with_(kept)))))


def _least_value(values: list[bytes], index: int, same: Callable[[Input], bool]) -> list[bytes]:
    """Returns the values without the bytes that are not needed in one of them."""

    def with_(value: list[int]) -> list[bytes]:
        return [*values[:index], bytes(value), *values[index + 1 :]]

    return with_(_least(list(values[index]), lambda kept: same(HistoryInput(with_(kept)))))


def _least(parts: list[T], enough: Callable[[list[T]], bool]) -> list[T]:
    """Returns the parts without every run of parts, long runs first, whose rest is still `enough`."""
    size = len(parts)
    while size:
        at = 0
        while at < len(parts):
            shorter = parts[:at] + parts[at + size :]
            if enough(shorter):
                parts = shorter
            else:
                at += size
        size //= 2
    return parts
