"""The state agent: slices of canonical events in, rows of both tables out."""

import time
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from msgspec import Struct

from app.canonical import BadEventTime, Event, InvalidEvent, decode_event
from app.deadletter import DeadLetters, Origin
from app.lane import Record, Slice
from app.lane.partitioner import partition_of
from app.lane.producer import GroupProducer
from app.lane.table_pair import TablePair
from app.lane.tables import PartitionRows
from app.metrics import Metrics
from app.outcome import Dead
from app.row_logic import key_of
from app.state import (
    Effect,
    LoyaltyRow,
    User,
    apply,
    concerns_loyalty,
    decode_loyalty,
    decode_user,
    encode_loyalty,
    encode_user,
)
from app.times import MICROS_PER_DAY, parse_rfc3339, sortable
from app.topics import Target

# So a row stays below 1 MiB (contract, section 2), whatever the changelogs take.
LARGEST_ROW: Final = 1 << 20
# The mapping allows one day, by the clock of the vendor's record; the canonical record has its own.
_AHEAD_MICROS: Final = 2 * MICROS_PER_DAY

_MS_PER_DAY: Final = MICROS_PER_DAY // 1000
_DATE: Final = len("2021-07-05")

Verdict = Effect | Dead


class _Open(Struct, gc=False):
    """Both rows of a key while its slice is applied."""

    user: User | None
    loyalty: LoyaltyRow | None
    unread: bytes | None
    """The loyalty row while no event has concerned it: a long one costs more to read than an event."""
    events: list[tuple[int, Event]]
    """Each with its record's index in the slice."""
    user_changed: bool = False
    loyalty_changed: bool = False


class StateAgent:
    """Handles the slices of the canonical topic; the only writer of both tables."""

    def __init__(
        self,
        pair: TablePair,
        producer: GroupProducer,
        rows: Target,
        letters: DeadLetters,
        metrics: Metrics,
    ) -> None:
        """`rows`: what both changelogs take, the smaller of the two."""
        self._pair = pair
        self._producer = producer
        self._rows = rows
        self._letters = letters
        self._metrics = metrics

    async def handle(self, records: Slice) -> None:
        """Returns when the changelog records that the slice caused are acknowledged.

        Nothing is awaited before the last append: slices of a partition keep their order by it.
        """
        self._producer.enter(
            records.topic, records.partition, records.first, records.last, records.generation
        )
        started = time.perf_counter()
        rows = _SliceRows(
            self._pair.users.live(records.partition),
            self._pair.loyalty.live(records.partition),
            min(LARGEST_ROW, self._rows.largest_record),
            self._rows,
        )
        verdicts = [
            self._apply(index, record, records.partition, rows)
            for index, record in enumerate(records.records)
        ]
        for index, verdict in rows.put_back():
            verdicts[index] = verdict
        for record, verdict in zip(records.records, verdicts, strict=True):
            if isinstance(verdict, Dead):
                origin = Origin(records.topic, records.partition, record.offset, "canonical")
                self._letters.append(record, origin, verdict)
        self._pair.users.live(records.partition).flush(
            self._producer, self._pair.users.changelog_topic_name, records.partition
        )
        self._pair.loyalty.live(records.partition).flush(
            self._producer, self._pair.loyalty.changelog_topic_name, records.partition
        )
        self._metrics.stage_seconds.labels("apply").observe(time.perf_counter() - started)
        await self._producer.sync()
        self._count(verdicts)

    def _count(self, verdicts: Iterable[Verdict]) -> None:
        effects = Counter(verdict for verdict in verdicts if not isinstance(verdict, Dead))
        refused = Counter(verdict.reason for verdict in verdicts if isinstance(verdict, Dead))
        for effect, count in effects.items():
            self._metrics.effects.labels(effect).inc(count)
        for reason, count in refused.items():
            self._metrics.canonical_dead.labels(reason).inc(count)

    def _apply(self, index: int, record: Record, partition: int, rows: "_SliceRows") -> Verdict:
        try:
            event = decode_event(record.value or b"")
        except BadEventTime as error:
            return Dead("bad_time", str(error))
        except InvalidEvent as error:
            return Dead("schema", str(error))
        key = key_of(event.vendor, event.tenant, event.data.user["sub"])
        if event.partitionkey.encode() != key:
            return Dead("schema", "$.partitionkey: expected vendor, tenant and sub of the event")
        if record.key != key:
            return Dead("schema", "$.partitionkey: expected the record's key")
        # Else its rows would be in a partition whose owner is another one.
        if key not in rows and partition_of(key, self._pair.partitions) != partition:
            return Dead("schema", "the partition: expected the one of the key")
        if _too_late(event.time, record.timestamp):
            return Dead("bad_time", "$.time: expected at most two days after the record's timestamp")
        return rows.apply(index, key, event)


def _too_late(time_of_event: str, timestamp_ms: int) -> bool:
    """Whether an event says that it happened more than two days after its record was written. A record
    without a timestamp does not tell."""
    if timestamp_ms < 0 or time_of_event[:_DATE] <= _date(timestamp_ms // _MS_PER_DAY):
        return False  # whatever its offset, it is less than a day from the date that it names
    micros = parse_rfc3339(time_of_event)
    return micros is None or micros > timestamp_ms * 1000 + _AHEAD_MICROS


@lru_cache(maxsize=64)
def _date(days: int) -> str:
    """The date so many days after 1970-01-01."""
    return sortable(days * MICROS_PER_DAY)[:_DATE]


class _SliceRows:
    """The rows that a slice has touched so far, decoded once for all its events."""

    def __init__(self, users: PartitionRows, loyalty: PartitionRows, largest: int, target: Target) -> None:
        """`largest`: how many bytes a row may have."""
        self._users = users
        self._loyalty = loyalty
        self._largest = largest
        self._target = target
        self._open: dict[bytes, _Open] = {}

    def __contains__(self, key: bytes) -> bool:
        return key in self._open

    def apply(self, index: int, key: bytes, event: Event) -> Effect:
        rows = self._open.get(key)
        if rows is None:
            rows = self._open[key] = self._read(key)
        if rows.unread is not None and concerns_loyalty(event):
            rows.loyalty, rows.unread = decode_loyalty(rows.unread), None
        user, loyalty, effect = apply(event, rows.user, rows.loyalty)
        if effect == "changed":
            rows.user_changed |= user is not rows.user
            rows.loyalty_changed |= loyalty is not rows.loyalty
            rows.user, rows.loyalty = user, loyalty
        rows.events.append((index, event))
        return effect

    def _read(self, key: bytes) -> _Open:
        user = self._users.get(key)
        return _Open(None if user is None else decode_user(user), None, self._loyalty.get(key), [])

    def put_back(self) -> list[tuple[int, Verdict]]:
        """Writes the rows that differ; a row that came out as it was needs no changelog record. Returns new
        verdicts, by the index of the record, on the events of a key whose rows became too large."""
        again: list[tuple[int, Verdict]] = []
        for key, rows in self._open.items():
            if not self._put(key, rows):
                again += self._one_by_one(key, rows.events)
        return again

    def _put(self, key: bytes, rows: _Open) -> bool:
        """Puts both rows where they differ; puts nothing and returns False where one is too large."""
        changed: list[tuple[PartitionRows, bytes | None]] = []
        if rows.user_changed:
            changed.append((self._users, None if rows.user is None else encode_user(rows.user)))
        if rows.loyalty_changed:
            changed.append((self._loyalty, None if rows.loyalty is None else encode_loyalty(rows.loyalty)))
        for table, row in changed:
            if row is not None and self._is_too_large(key, row, table.get(key)):
                return False
        for table, row in changed:
            if row != table.get(key):
                table.put(key, row)
        return True

    def _is_too_large(self, key: bytes, row: bytes, before: bytes | None) -> bool:
        """A row from the time before there was a limit may stay, and may become smaller."""
        if not self._target.takes(key, row):
            return True
        return len(row) > self._largest and len(row) > len(before or b"")

    def _one_by_one(self, key: bytes, events: list[tuple[int, Event]]) -> list[tuple[int, Verdict]]:
        """The events of one key again, from the rows before the slice: those after which a row is too large
        are dead. Costs an encoding an event, and is needed only where somebody else's events are huge."""
        dead = Dead("too_large", f"its row: expected at most {self._largest} bytes")
        verdicts: list[tuple[int, Verdict]] = []
        rows = self._read(key)
        if rows.unread is not None:
            rows.loyalty, rows.unread = decode_loyalty(rows.unread), None
        for index, event in events:
            user, loyalty, effect = apply(event, rows.user, rows.loyalty)
            after = _Open(user, loyalty, None, [], user is not rows.user, loyalty is not rows.loyalty)
            if self._put(key, after):
                rows = after
                verdicts.append((index, effect))
            else:
                verdicts.append((index, dead))
        return verdicts
