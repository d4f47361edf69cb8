"""The sweep of markers: which ones it removes, which ones it keeps, and how few rows it reads."""

import asyncio
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import faust
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.deletion_expiry import Deletions, PartitionDeletions, sweep_markers
from app.engine import Headers
from app.engine.tables.row_store import RowStore
from app.engine.tables.table import SliceTable
from app.keys import escape
from app.state import DeletedUser, encode_user
from tests.waiting import async_wait_until

SECOND = 1_000_000
GRACE = 100 * SECOND


def at(second: int) -> str:
    return f"2024-01-01T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}.000000Z"


# 2024-01-01T00:00:00Z
START = 1_704_067_200 * SECOND


def row(second: int | None = None, *, back: bool = False) -> bytes:
    """Returns a user's row. `second`: when the user was deleted; the row is a marker then, unless the user
    came back."""
    found: dict[str, Any] = {"vendor": "magine", "tenant": "acme", "sub": "1"}
    if second is not None and not back:
        return json.dumps({**found, "status": "deleted", "deleted_at": at(second)}).encode()
    found |= {
        "status": "active",
        "complete": False,
        "profile": {},
        "attributes": {},
        "settings": {},
        "stamps": {},
    }
    return json.dumps(found | ({"deleted_at": at(second)} if second is not None else {})).encode()


class Counting(RowStore):
    """A row store that counts the rows that are read."""

    __slots__ = ("reads",)

    def __init__(self) -> None:
        super().__init__(lambda _key: b"")
        self.reads = 0

    def get(self, key: bytes, default: object = None) -> Any:
        self.reads += 1
        return super().get(key, cast(Any, default))

    def __getitem__(self, key: bytes) -> bytes:
        self.reads += 1
        return super().__getitem__(key)

    def __iter__(self) -> Iterator[bytes]:
        raise AssertionError("a sweep must not read all rows")


class UsersTable:
    """A users table with one live partition, whose rows a restore has installed."""

    def __init__(self, **rows: bytes) -> None:
        app = faust.App("toy", store="memory://", Table=SliceTable)
        self.table = cast(SliceTable, app.Table("users", partitions=4, key_type=bytes, value_type=bytes))
        self.table.watcher = self.deletions = Deletions()
        self.store = Counting()
        for key, value in rows.items():
            self.store[key.encode()] = value
        self.table.install(0, self.store)

    @property
    def partition(self) -> PartitionDeletions:
        ((_, found),) = self.deletions.live()
        return found

    def put(self, key: str, value: bytes | None) -> None:
        self.table.live(0).put(key.encode(), value, b"")

    def sweep(self, second: int, most: int = 100) -> int:
        """Sweeps at this second, and returns the number of markers that it removed."""
        ended = 0
        while True:
            swept = self.partition.sweep(START + second * SECOND, GRACE, most)
            ended += swept.ended
            if not swept.more:
                return ended

    def keys(self) -> set[str]:
        return {key.decode() for key in self.store._kept}


def test_a_marker_is_ended_when_its_grace_period_is_over() -> None:
    users = UsersTable(recovered=row(10), living=row())
    users.put("put", row(20))
    assert users.sweep(110) == 0
    assert users.sweep(111) == 1
    assert users.keys() == {"living", "put"}
    assert users.sweep(121) == 1
    assert users.keys() == {"living"}
    assert users.sweep(10_000) == 0


def test_a_sweep_reads_what_is_due_and_nothing_else() -> None:
    users = UsersTable(
        **{f"living{number}": row() for number in range(5_000)},
        **{f"marker{number:03}": row(1_000 + number) for number in range(500)},
        due=row(0),
    )
    assert users.sweep(101) == 1
    users.store.reads = 0
    for second in range(102, 1_100):
        assert users.sweep(second) == 0
    assert users.store.reads == 0
    assert users.sweep(1_103) == 3
    # A sweep reads each row once to decide, and once to remove it.
    assert users.store.reads <= 2 * 3
    for number in range(5_000):
        users.put(f"living{number}", row())
    users.store.reads = 0
    assert users.sweep(1_103) == 0
    assert users.store.reads == 0


def test_a_user_who_came_back_stays() -> None:
    users = UsersTable(was_back=row(0, back=True), comes_back=row(0), goes_again=row(0))
    assert users.sweep(50) == 0
    users.put("comes_back", row(0, back=True))
    users.put("goes_again", row(0, back=True))
    users.put("goes_again", row(60))
    users.put("was_back", row(0, back=True))
    assert users.sweep(101) == 0
    assert users.keys() == {"was_back", "comes_back", "goes_again"}
    assert users.sweep(160) == 0
    assert users.sweep(161) == 1
    users.put("comes_back", row(150))
    users.put("was_back", row(151))
    assert users.sweep(250) == 0
    assert users.sweep(252) == 2
    assert users.keys() == set()


def test_a_later_deletion_counts_from_its_own_time() -> None:
    users = UsersTable(user=row(0))
    assert users.sweep(1) == 0
    for second in range(1, 60):
        users.put("user", row(second))
        assert users.sweep(second) == 0
    assert users.sweep(101) == 0
    assert users.sweep(159) == 0
    assert users.sweep(160) == 1


def test_what_is_kept_has_one_entry_a_key() -> None:
    users = UsersTable(user=row(0))
    for second in range(1, 60):
        users.put("user", row(second))
        users.sweep(second)
    assert len(users.partition._times) == len(users.partition._listed) == 1
    users.put("user", None)
    users.sweep(1_000)
    assert not users.partition._times
    assert not users.partition._listed


def test_a_marker_in_another_spelling_is_found_too() -> None:
    spaced = row(0)
    assert b'"status": "deleted"' in spaced
    compact = json.dumps(json.loads(spaced), separators=(",", ":")).encode()
    users = UsersTable(spaced=spaced, compact=compact)
    assert users.sweep(101) == 2


@given(tenant=st.text(min_size=1), sub=st.text(min_size=1))
def test_a_marker_is_a_short_row_in_every_spelling(tenant: str, sub: str) -> None:
    names = (tenant.encode("utf-8", "replace").decode(), sub.encode("utf-8", "replace").decode())
    key = "/".join(["magine", *map(escape, names)]).encode()
    marker = DeletedUser(vendor="magine", tenant=names[0], sub=names[1], deleted_at=at(0))
    ours = encode_user(marker)
    for spelling in (ours, json.dumps(json.loads(ours)).encode()):
        assert Deletions.text in spelling
        assert len(spelling) - 3 * len(key) <= Deletions.beside_key


def test_what_is_no_row_is_left_alone() -> None:
    users = UsersTable(garbage=b'"deleted_at"', half=b'{"deleted_at":"soon","status":"deleted"}')
    assert users.sweep(10_000) == 0
    assert users.keys() == {"garbage", "half"}


def test_a_large_sweep_has_many_turns() -> None:
    users = UsersTable(**{f"marker{number}": row(0) for number in range(100)})
    turns = 0
    while users.partition.sweep(START + 101 * SECOND, GRACE, most=30).more:
        turns += 1
    assert turns >= 6
    assert users.keys() == set()


def test_a_partition_that_left_is_forgotten_with_its_deletions() -> None:
    users = UsersTable(user=row(0))
    ((_, before),) = users.deletions.live()
    users.table.forget(0)
    assert users.deletions.live() == []
    assert not users.deletions.is_live(0, before)
    users.table.install(0, RowStore(lambda _key: b""))
    assert not users.deletions.is_live(0, before)
    assert users.sweep(10_000) == 0


class Log:
    """Stands in for the producer. `leaves`: the partition is revoked right after a tombstone is appended."""

    def __init__(self, users: UsersTable, *, leaves: bool) -> None:
        self.tombstones: list[bytes | None] = []
        self._users = users
        self._leaves = leaves

    def append(
        self, _topic: str, _partition: int, key: bytes | None, value: bytes | None, *, headers: Headers
    ) -> None:
        assert value is None
        assert list(headers) == [("changed", b"")]
        self.tombstones.append(key)
        if self._leaves:
            self._users.table.forget(0)


@pytest.mark.parametrize("leaves", [False, True])
async def test_tombstones_are_written_until_the_partition_leaves(
    leaves: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.deletion_expiry.ROWS_AT_ONCE", 15)
    monkeypatch.setattr("app.deletion_expiry._LEAST_SECONDS", 0.01)
    users = UsersTable(**{f"marker{number}": row(0) for number in range(40)}, living=row())
    log = Log(users, leaves=leaves)
    tables = cast(Any, SimpleNamespace(users=users.table, producer=log))
    task = asyncio.create_task(sweep_markers(tables, users.deletions, 0.0))

    async def written() -> bool:
        return len(log.tombstones) >= (1 if leaves else 40)

    await async_wait_until(written, "tombstones")
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.wait({task})
    if leaves:
        assert 0 < len(log.tombstones) <= 15
    else:
        assert len(log.tombstones) == len(set(log.tombstones)) == 40
        assert users.keys() == {"living"}
