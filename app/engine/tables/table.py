"""The rows of a table as encoded bytes, one mapping for each partition, and their changelog records.

Faust writes a changelog record each time a row is set, by a producer that hides failures. Here a write only
marks the key, and `append_changed` appends one record for each changed key of the slice to the engine's own
producer. Its value has the form of Faust's `raw` serializer (docs/design.md#tables).
"""

import asyncio
from collections.abc import Callable, MutableMapping
from typing import Any, NoReturn, Protocol

import faust

from app.engine.producer.refusals import Headers
from app.engine.tables.merge_rules import CHANGED, Row
from app.engine.tables.row_store import RowStore


class ChangelogWriter(Protocol):
    """The part of GroupCommitProducer that a table uses."""

    def append(
        self, topic: str, partition: int, key: bytes | None, value: bytes | None, *, headers: Headers
    ) -> None: ...


class RowWatcher(Protocol):
    """An object that is told of the short rows which hold a text, so nobody must search all rows for them."""

    @property
    def text(self) -> bytes: ...
    @property
    def beside_key(self) -> int:
        """How many bytes such a row may have at most, besides three times the bytes of its key."""

    def installed(self, partition: int, rows: "PartitionRows") -> Callable[[bytes], object]:
        """Returns the function that is called with the key of each such row when it is put. It is called when
        a partition becomes live; `rows.holding` finds the rows that are there already."""

    def forgotten(self, partition: int) -> None:
        """Notes that the rows of a partition are forgotten."""


class PartitionRows:
    """The rows of one live partition, and the keys whose rows the changelog does not have yet."""

    __slots__ = ("_beside_key", "_changed", "_noticed", "_rows", "_text", "get", "size")

    def __init__(self, rows: MutableMapping[bytes, bytes]) -> None:
        self._rows = rows
        # perf: saves a call for each row that is read; plain form: a method that calls `rows.get`.
        self.get: Callable[[bytes], Row] = rows.get
        """get(key) returns the row of a key, or None."""
        self.size: Callable[[bytes], int] = (
            rows.size if isinstance(rows, RowStore) else lambda key: len(rows.get(key, b""))
        )
        """size(key) returns about how many bytes the row of a key has; 0 if there is no row."""
        self._changed: dict[bytes, tuple[Row, bytes]] = {}
        """By key, the row, and the value of the header `changed`."""
        self._text = b""
        self._beside_key = -1  # so no row is short enough
        self._noticed: Callable[[bytes], object] = id

    def watch(self, watcher: RowWatcher, partition: int) -> None:
        """Tells the watcher of the rows that are put from now on."""
        self._text, self._beside_key = watcher.text, watcher.beside_key
        self._noticed = watcher.installed(partition, self)

    def holding(self, text: bytes) -> list[bytes]:
        """Returns the keys of all rows that hold the text."""
        rows = self._rows
        if isinstance(rows, RowStore):
            return rows.holding(text)
        return [key for key, row in rows.items() if text in row]

    def keys(self) -> list[bytes]:
        """Returns a copy of the keys, because rows may change while the caller goes through them."""
        return list(self._rows)

    def put(self, key: bytes, row: Row, changed: bytes) -> None:
        """Sets the row of a key. None removes it, and the changelog then gets a tombstone.

        `changed` is the value of the header `changed`: what differs between this row and the one that this
        worker has written to the changelog, or read there, last (`RowRules.changed`).
        """
        if row is None:
            self._rows.pop(key, None)
        else:
            self._rows[key] = row
            # perf: the length saves the search in nearly every row (0.1 instead of 0.8 us a put); plain form:
            # search.
            if len(row) - 3 * len(key) <= self._beside_key and self._text in row:
                self._noticed(key)
        self._changed[key] = row, changed

    def append_changed(self, producer: ChangelogWriter, topic: str, partition: int) -> int:
        """Appends one record for each key that has changed since the last call, and returns their number."""
        changed = self._changed
        if not changed:
            return 0
        self._changed = {}
        append = producer.append
        for key, (row, names) in changed.items():
            append(topic, partition, key, row, headers=[(CHANGED, names)])
        return len(changed)

    def __len__(self) -> int:
        return len(self._rows)

    def byte_count(self) -> int:
        """Returns the bytes of all rows as they are kept (`RowStore.byte_count`)."""
        rows = self._rows
        return rows.byte_count() if isinstance(rows, RowStore) else sum(map(len, rows.values()))


class SliceTable(faust.Table[bytes, bytes]):
    """A Faust table as far as the app knows it. Its rows are read and written by partition.

    An agent takes `live(partition)` of the partition of its slice, reads and writes rows there, and calls
    `append_changed` before it yields the part.
    """

    def __init__(self, *args: Any, changelog_name: str = "", **options: Any) -> None:
        """`changelog_name`: the name of the changelog; "" for Faust's own name."""
        self._changelog_name = changelog_name
        super().__init__(*args, **options)
        self._partitions: dict[int, PartitionRows] = {}
        self.watcher: RowWatcher | None = None

    def _changelog_topic_name(self) -> str:
        return self._changelog_name or super()._changelog_topic_name()

    def live(self, partition: int) -> PartitionRows:
        """Returns the rows of a partition that this worker owns and has restored. Raises KeyError for any
        other."""
        return self._partitions[partition]

    def is_live(self, partition: int) -> bool:
        """Returns whether this worker owns the partition and has restored it."""
        return partition in self._partitions

    def install(self, partition: int, rows: MutableMapping[bytes, bytes]) -> None:
        """Makes a partition live with these rows, which must be complete. Agents may change them from now
        on."""
        live = self._partitions[partition] = PartitionRows(rows)
        if self.watcher is not None:
            live.watch(self.watcher, partition)

    def forget(self, partition: int) -> None:
        """Forgets the rows of a partition, because another worker may write them from now on."""
        self._partitions.pop(partition, None)
        if self.watcher is not None:
            self.watcher.forgotten(partition)

    def append_changed(self, producer: ChangelogWriter) -> int:
        """Appends one changelog record for each key that has changed since the last call, and returns their
        number."""
        topic = self.changelog_topic_name
        return sum(
            rows.append_changed(producer, topic, partition) for partition, rows in self._partitions.items()
        )

    def row_count(self) -> int:
        """Returns the number of rows in all live partitions."""
        return sum(map(len, self._partitions.values()))

    async def byte_count(self) -> int:
        """Returns the bytes of all rows as they are kept. Other tasks run between two partitions."""
        total = 0
        for partition in list(self._partitions):
            await asyncio.sleep(0)
            if (rows := self._partitions.get(partition)) is not None:
                total += rows.byte_count()
        return total

    # `table[key] = row`, Faust's own way to write a row, would send by Faust's producer and not wait.
    def on_key_set(self, *_: object) -> NoReturn:
        raise TypeError(f"rows of {self.name} are written with live(partition).put() and append_changed()")

    def on_key_del(self, *_: object) -> NoReturn:
        raise TypeError(f"rows of {self.name} are removed with live(partition).put() and append_changed()")
