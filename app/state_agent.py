"""The state agent: slices of canonical events in, rows of both tables out."""

import time
from collections import Counter

from msgspec import Struct

from app.canonical import Event, InvalidEvent, decode_event
from app.deadletter import DeadLetters, Origin
from app.lane import Record, Slice
from app.lane.producer import GroupProducer
from app.lane.table_pair import TablePair
from app.lane.tables import PartitionRows
from app.metrics import Metrics
from app.outcome import Dead
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
from app.topics import Target

# What an event can add to a row: each of its members stands in it with a stamp, which a member as
# short as `"a":1` makes seven times as long; and a number may be written out in full.
_GROWTH = 8
# A stamp for each register that the row had, where the event moves `as_of`.
_STAMPS_BYTES = 4096


class _Open(Struct, gc=False):
    """Both rows of a key while its slice is applied. `size`: at most so many bytes, encoded."""

    user: User | None
    loyalty: LoyaltyRow | None
    unread: bytes | None
    """The loyalty row while no event has concerned it: a long one costs more to read than an event."""
    size: int
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
        slice_rows = _SliceRows(
            self._pair.users.live(records.partition), self._pair.loyalty.live(records.partition)
        )
        effects: Counter[str] = Counter()
        refused: Counter[str] = Counter()
        for record in records.records:
            verdict = self._apply(record, slice_rows)
            if isinstance(verdict, Dead):
                origin = Origin(records.topic, records.partition, record.offset, "canonical")
                self._letters.append(record, origin, verdict)
                refused[verdict.reason] += 1
            else:
                effects[verdict] += 1
        slice_rows.put_back()
        self._pair.users.live(records.partition).flush(
            self._producer, self._pair.users.changelog_topic_name, records.partition
        )
        self._pair.loyalty.live(records.partition).flush(
            self._producer, self._pair.loyalty.changelog_topic_name, records.partition
        )
        self._metrics.stage_seconds.labels("apply").observe(time.perf_counter() - started)
        await self._producer.sync()
        for effect, count in effects.items():
            self._metrics.effects.labels(effect).inc(count)
        for reason, count in refused.items():
            self._metrics.canonical_dead.labels(reason).inc(count)

    def _apply(self, record: Record, rows: "_SliceRows") -> Effect | Dead:
        value = record.value
        try:
            event = decode_event(value or b"")
        except InvalidEvent as error:
            return Dead("schema", str(error))
        key = event.partitionkey.encode()
        if record.key != key:
            # Its rows would be in a partition whose owner is another one.
            return Dead("schema", "$.partitionkey: expected the record's key")
        return rows.apply(key, event, len(value or b""), self._rows)


class _SliceRows:
    """The rows that a slice has touched so far, decoded once for all its events."""

    def __init__(self, users: PartitionRows, loyalty: PartitionRows) -> None:
        self._users = users
        self._loyalty = loyalty
        self._open: dict[bytes, _Open] = {}

    def apply(self, key: bytes, event: Event, size: int, target: Target) -> Effect | Dead:
        rows = self._open.get(key)
        if rows is None:
            rows = self._open[key] = self._read(key)
        if rows.unread is not None and concerns_loyalty(event):
            rows.loyalty, rows.unread = decode_loyalty(rows.unread), None
        user, loyalty, effect = apply(event, rows.user, rows.loyalty)
        if effect != "changed":
            return effect
        largest = rows.size + size * _GROWTH + _STAMPS_BYTES
        if largest > target.largest_record >> 1:
            encoded = (
                b"" if user is None else encode_user(user),
                rows.unread or b"" if loyalty is None else encode_loyalty(loyalty),
            )
            if not all(target.takes(key, row) for row in encoded):
                return Dead("too_large", f"its row: expected at most {target.largest_record} bytes")
            largest = sum(map(len, encoded))
        rows.user_changed |= user is not rows.user
        rows.loyalty_changed |= loyalty is not rows.loyalty
        rows.user, rows.loyalty, rows.size = user, loyalty, largest
        return effect

    def _read(self, key: bytes) -> _Open:
        user, loyalty = self._users.get(key), self._loyalty.get(key)
        return _Open(
            None if user is None else decode_user(user),
            None,
            loyalty,
            len(user or b"") + len(loyalty or b""),
        )

    def put_back(self) -> None:
        """Writes the rows that differ; a row that came out as it was needs no changelog record."""
        for key, rows in self._open.items():
            if rows.user_changed:
                user = None if rows.user is None else encode_user(rows.user)
                if user != self._users.get(key):
                    self._users.put(key, user)
            if rows.loyalty_changed:
                loyalty = None if rows.loyalty is None else encode_loyalty(rows.loyalty)
                if loyalty != self._loyalty.get(key):
                    self._loyalty.put(key, loyalty)
