"""Rows as bytes, and one changelog record for each changed key."""

from collections.abc import Callable, MutableMapping

import faust
import pytest

from app.engine.producer.refusals import Headers
from app.engine.tables.row_store import RowStore
from app.engine.tables.table import PartitionRows, SliceTable

Appended = tuple[str, int, bytes | None, bytes | None, Headers]


class Written:
    """In place of the producer: it keeps what was appended."""

    def __init__(self) -> None:
        self.records: list[Appended] = []

    def append(
        self, topic: str, partition: int, key: bytes | None, value: bytes | None, *, headers: Headers
    ) -> None:
        self.records.append((topic, partition, key, value, headers))


@pytest.fixture
def table() -> SliceTable:
    app = faust.App("toy", store="memory://", Table=SliceTable)
    table = app.Table("users", partitions=4, key_type=bytes, value_type=bytes)
    assert isinstance(table, SliceTable)
    return table


def test_a_flush_appends_the_last_version_of_each_changed_key(table: SliceTable) -> None:
    table.install(2, {b"ada": b"1", b"bob": b"1", b"cy": b"1"})
    rows = table.live(2)
    rows.put(b"ada", b"2", b"name")
    rows.put(b"ada", b"3", b"email,name")
    rows.put(b"bob", None, b"")
    written = Written()
    assert table.append_changed(written) == 2
    assert sorted(written.records, key=repr) == [
        ("toy-users-changelog", 2, b"ada", b"3", [("changed", b"email,name")]),
        ("toy-users-changelog", 2, b"bob", None, [("changed", b"")]),
    ]
    assert table.append_changed(written) == 0
    assert (rows.get(b"ada"), rows.get(b"bob"), table.row_count()) == (b"3", None, 2)


def test_a_partition_that_left_has_no_rows_and_nothing_to_write(table: SliceTable) -> None:
    table.install(0, {})
    table.install(1, {b"ada": b"1"})
    table.live(0).put(b"bob", b"1", b"*")
    table.forget(0)
    assert not table.is_live(0)
    assert table.append_changed(Written()) == 0
    with pytest.raises(KeyError):
        table.live(0)
    assert table.live(1).get(b"ada") == b"1"


class Watcher:
    """A watcher that keeps what a table tells it."""

    text = b"gone"
    beside_key = 20

    def __init__(self) -> None:
        self.noticed: list[tuple[int, bytes]] = []
        self.rows: dict[int, PartitionRows] = {}

    def installed(self, partition: int, rows: PartitionRows) -> Callable[[bytes], object]:
        self.rows[partition] = rows
        return lambda key: self.noticed.append((partition, key))

    def forgotten(self, partition: int) -> None:
        self.rows.pop(partition, None)


def test_a_watcher_hears_of_the_rows_that_hold_its_text(table: SliceTable) -> None:
    table.watcher = watcher = Watcher()
    store = RowStore(lambda _key: b"{")
    store[b"ada"] = b'{"gone":1}'
    store[b"bob"] = b'{"here":1}'
    for partition, rows in enumerate[MutableMapping[bytes, bytes]]([store, dict(store)]):
        table.install(partition, rows)
        live = table.live(partition)
        assert watcher.rows[partition] is live
        assert live.holding(b"gone") == [b"ada"]
        live.put(b"cy", b"gone", b"*")
        live.put(b"bob", b'{"here":2}', b"here")
        live.put(b"bob", b'{"a row of which nobody has to hear":2,"gone":1}', b"*")
        live.put(b"ada", None, b"")
    assert watcher.noticed == [(0, b"cy"), (1, b"cy")]
    table.forget(0)
    assert watcher.rows.keys() == {1}


def test_fausts_own_way_to_write_is_closed(table: SliceTable) -> None:
    with pytest.raises(TypeError, match="append_changed"):
        table[b"ada"] = b"1"
    with pytest.raises(TypeError, match="append_changed"):
        table.on_key_del(b"ada")


async def test_the_bytes_of_all_partitions_are_counted(table: SliceTable) -> None:
    rows = RowStore(lambda _: b'{"of":1,')
    rows[b"k"] = b'{"of":1,"name":2}'
    table.install(0, rows)
    table.install(1, {b"k": b"123", b"l": b"4567"})
    assert await table.byte_count() == len(b'"name":2}') + 7
    table.forget(1)
    assert await table.byte_count() == len(b'"name":2}')
