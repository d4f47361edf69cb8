"""What the state agent asks of a record of the canonical topic before its event is applied."""

from functools import lru_cache
from typing import Final

from app.canonical import BadEventTime, Event, InvalidEvent, decode_event
from app.engine import Record, UnreadRecord
from app.keys import key_of
from app.outcome import Dead
from app.times import MICROS_PER_DAY, parse_rfc3339, sortable

# A mapper allows one day after the timestamp of the vendor's record. The canonical record has a timestamp of
# its own, from the clock of another machine, so here it is a day more.
_AHEAD_MICROS: Final = 2 * MICROS_PER_DAY
_MS_PER_DAY: Final = MICROS_PER_DAY // 1000
_DATE: Final = len("2021-07-05")
# What an array or object takes in memory when it is decoded; as text it may have two bytes.
_CONTAINER_BYTES: Final = 80

_OTHER_USER: Final = Dead("schema", "$.partitionkey: expected vendor, tenant and sub of the event")
_OTHER_KEY: Final = Dead("schema", "$.partitionkey: expected the record's key")
_TOO_LATE: Final = Dead("bad_time", "$.time: expected at most two days after the record's timestamp")
_OTHER_PARTITION: Final = Dead("schema", "the partition: expected the one of the key")


def event_of(record: Record) -> Event | Dead:
    """Returns the event of a record, or why it is none."""
    if record.value is None and isinstance(record, UnreadRecord):
        return Dead("too_large", record.why)
    try:
        return decode_event(record.value or b"")
    except BadEventTime as error:
        return Dead("bad_time", str(error))
    except InvalidEvent as error:
        return Dead("schema", str(error))


def objection(event: Event, record: Record, is_at_home: bool) -> Dead | None:
    """Returns why the event must not be applied, or None. `is_at_home`: whether the record's key belongs to
    the partition of the record. If it does not, another worker may have the rows of the key."""
    key = key_of(event.vendor, event.tenant, event.data.user["sub"])
    if event.partitionkey.encode() != key:
        return _OTHER_USER
    if record.key != key:
        return _OTHER_KEY
    if not is_at_home:
        return _OTHER_PARTITION
    return _TOO_LATE if _is_too_late(event.time, record.timestamp) else None


def _is_too_late(time_of_event: str, timestamp_ms: int) -> bool:
    """Returns whether the event's time is more than two days after its record's timestamp, which is in
    milliseconds since 1970. Returns False if the record has no timestamp (-1)."""
    if timestamp_ms < 0 or time_of_event[:_DATE] <= _date(timestamp_ms // _MS_PER_DAY):
        return False  # an offset moves a time by less than a day from its date, so two days are not exceeded
    micros = parse_rfc3339(time_of_event)
    return micros is None or micros > timestamp_ms * 1000 + _AHEAD_MICROS


@lru_cache(maxsize=64)
def _date(days: int) -> str:
    """Returns the date that is `days` days after 1970-01-01: `2021-07-05`."""
    return sortable(days * MICROS_PER_DAY)[:_DATE]


def memory_of(value: bytes) -> int:
    """Returns about how much memory an event or row takes with its decoded values."""
    return len(value) + _CONTAINER_BYTES * (value.count(b"[") + value.count(b"{"))
