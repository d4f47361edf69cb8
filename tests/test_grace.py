"""The sweep of markers: what it ends, what it lets live, and how few rows it looks at."""

import asyncio
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import faust
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.canonical import escape
from app.grace import Deletions, PartitionDeletions, sweep_markers
from app.lane.row_store import RowStore
from app.lane.tables import LaneTable
from app.state import Marker, encode_user
from tests.waiting import async_wait_until

SECOND = 1_000_000
GRACE = 100 * SECOND


def at(second: int) -> str:
    return f"2024-01-01T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}.000000Z"


# 2024-01-01T00:00:00Z
START = 1_704_067_200 * SECOND


def row(second: int | None = None, *, back: bool = False) -> bytes:
    """A user's row; a marker if there is a second of deletion, unless the user is back."""
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
    """Counts each row that is read."""

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
        raise AssertionError("nobody goes through all rows")


class Place:
    """A users table with one live partition that recovery has installed."""

    def __init__(self, **rows: bytes) -> None:
        app = faust.App("toy", store="memory://", Table=LaneTable)
        self.table = cast(LaneTable, app.Table("users", partitions=4, key_type=bytes, value_type=bytes))
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
        self.table.live(0).put(key.encode(), value)

    def sweep(self, second: int, most: int = 100) -> int:
        """A sweep at this second; gives the number of markers that it ended."""
        ended = 0
        while True:
            swept = self.partition.sweep(START + second * SECOND, GRACE, most)
            ended += swept.ended
            if not swept.more:
                return ended

    def keys(self) -> set[str]:
        return {key.decode() for key in self.store._kept}


def test_a_marker_is_ended_when_its_grace_period_is_over() -> None:
    place = Place(recovered=row(10), living=row())
    place.put("put", row(20))
    assert place.sweep(110) == 0
    assert place.sweep(111) == 1
    assert place.keys() == {"living", "put"}
    assert place.sweep(121) == 1
    assert place.keys() == {"living"}
    assert place.sweep(10_000) == 0


def test_a_sweep_reads_what_is_due_and_nothing_else() -> None:
    place = Place(
        **{f"living{number}": row() for number in range(5_000)},
        **{f"marker{number:03}": row(1_000 + number) for number in range(500)},
        due=row(0),
    )
    assert place.sweep(101) == 1
    place.store.reads = 0
    for second in range(102, 1_100):
        assert place.sweep(second) == 0
    assert place.store.reads == 0
    assert place.sweep(1_103) == 3
    # One to look, one to remove.
    assert place.store.reads <= 2 * 3
    for number in range(5_000):
        place.put(f"living{number}", row())
    place.store.reads = 0
    assert place.sweep(1_103) == 0
    assert place.store.reads == 0


def test_a_user_who_came_back_stays() -> None:
    place = Place(was_back=row(0, back=True), comes_back=row(0), goes_again=row(0))
    assert place.sweep(50) == 0
    place.put("comes_back", row(0, back=True))
    place.put("goes_again", row(0, back=True))
    place.put("goes_again", row(60))
    place.put("was_back", row(0, back=True))
    assert place.sweep(101) == 0
    assert place.keys() == {"was_back", "comes_back", "goes_again"}
    assert place.sweep(160) == 0
    assert place.sweep(161) == 1
    place.put("comes_back", row(150))
    place.put("was_back", row(151))
    assert place.sweep(250) == 0
    assert place.sweep(252) == 2
    assert place.keys() == set()


def test_a_later_deletion_counts_from_its_own_time() -> None:
    place = Place(user=row(0))
    assert place.sweep(1) == 0
    for second in range(1, 60):
        place.put("user", row(second))
        assert place.sweep(second) == 0
    assert place.sweep(101) == 0
    assert place.sweep(159) == 0
    assert place.sweep(160) == 1


def test_what_is_kept_has_one_entry_a_key() -> None:
    place = Place(user=row(0))
    for second in range(1, 60):
        place.put("user", row(second))
        place.sweep(second)
    assert len(place.partition._times) == len(place.partition._listed) == 1
    place.put("user", None)
    place.sweep(1_000)
    assert not place.partition._times
    assert not place.partition._listed


def test_a_marker_in_another_spelling_is_found_too() -> None:
    spaced = row(0)
    assert b'"status": "deleted"' in spaced
    compact = json.dumps(json.loads(spaced), separators=(",", ":")).encode()
    place = Place(spaced=spaced, compact=compact)
    assert place.sweep(101) == 2


@given(tenant=st.text(min_size=1), sub=st.text(min_size=1))
def test_a_marker_is_a_short_row_in_every_spelling(tenant: str, sub: str) -> None:
    names = (tenant.encode("utf-8", "replace").decode(), sub.encode("utf-8", "replace").decode())
    key = "/".join(["magine", *map(escape, names)]).encode()
    marker = Marker(vendor="magine", tenant=names[0], sub=names[1], deleted_at=at(0))
    ours = encode_user(marker)
    for spelling in (ours, json.dumps(json.loads(ours)).encode()):
        assert Deletions.text in spelling
        assert len(spelling) - 3 * len(key) <= Deletions.beside_key


def test_what_is_no_row_is_left_alone() -> None:
    place = Place(garbage=b'"deleted_at"', half=b'{"deleted_at":"soon","status":"deleted"}')
    assert place.sweep(10_000) == 0
    assert place.keys() == {"garbage", "half"}


def test_a_large_sweep_has_many_turns() -> None:
    place = Place(**{f"marker{number}": row(0) for number in range(100)})
    turns = 0
    while place.partition.sweep(START + 101 * SECOND, GRACE, most=30).more:
        turns += 1
    assert turns >= 6
    assert place.keys() == set()


def test_a_partition_that_left_is_forgotten_with_its_deletions() -> None:
    place = Place(user=row(0))
    ((_, before),) = place.deletions.live()
    place.table.forget(0)
    assert place.deletions.live() == []
    assert not place.deletions.is_live(0, before)
    place.table.install(0, RowStore(lambda _key: b""))
    assert not place.deletions.is_live(0, before)
    assert place.sweep(10_000) == 0


class Log:
    """Stands for the producer: a revocation may come right after a flush."""

    def __init__(self, place: Place, *, leaves: bool) -> None:
        self.tombstones: list[bytes | None] = []
        self._place = place
        self._leaves = leaves

    def append(self, _topic: str, _partition: int, key: bytes | None, value: bytes | None) -> None:
        assert value is None
        self.tombstones.append(key)
        if self._leaves:
            self._place.table.forget(0)


@pytest.mark.parametrize("leaves", [False, True])
async def test_tombstones_are_written_until_the_partition_leaves(
    leaves: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.grace.ROWS_AT_ONCE", 15)
    monkeypatch.setattr("app.grace._LEAST_SECONDS", 0.01)
    place = Place(**{f"marker{number}": row(0) for number in range(40)}, living=row())
    log = Log(place, leaves=leaves)
    tables = cast(Any, SimpleNamespace(users=place.table, producer=log))
    task = asyncio.create_task(sweep_markers(tables, place.deletions, 0.0))

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
        assert place.keys() == {"living"}
