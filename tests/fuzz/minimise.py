"""The least input that breaks the same promise: what remains when nothing more can be left out."""

from collections.abc import Callable
from typing import TypeVar

from msgspec.structs import replace

from tests.fuzz.campaign import Report, finding_of
from tests.fuzz.inputs import HistoryInput, Input
from tests.fuzz.row_inputs import LogEntry, RowInput

T = TypeVar("T")


def minimised(it: Input, finding: str) -> Input:
    """Whole events, headers and bytes of values go as long as the finding stays."""

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
    """The log with the bytes of the value of one of its records left out."""
    value = log[index].value
    if value is None:
        return log

    def with_(kept: list[int]) -> list[LogEntry]:
        return [*log[:index], replace(log[index], value=bytes(kept)), *log[index + 1 :]]

    return with_(_least(list(value), lambda kept: same(RowInput(with_(kept)))))


def _least_value(values: list[bytes], index: int, same: Callable[[Input], bool]) -> list[bytes]:
    """The values with the bytes of one of them left out."""

    def with_(value: list[int]) -> list[bytes]:
        return [*values[:index], bytes(value), *values[index + 1 :]]

    return with_(_least(list(values[index]), lambda kept: same(HistoryInput(with_(kept)))))


def _least(parts: list[T], holds: Callable[[list[T]], bool]) -> list[T]:
    """The parts without every run, long ones first, that is not needed for what holds of them."""
    size = len(parts)
    while size:
        at = 0
        while at < len(parts):
            shorter = parts[:at] + parts[at + size :]
            if holds(shorter):
                parts = shorter
            else:
                at += size
        size //= 2
    return parts
