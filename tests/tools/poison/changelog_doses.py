"""Poison for the changelogs: garbage, rows of others, and tombstones."""

from collections.abc import Callable, Mapping
from random import Random
from typing import Final

import msgspec
from msgspec import Struct

from app.outcome import Dead
from app.settings import Settings
from app.state import LaterRow, Rows, encode_loyalty, encode_user, merge
from tests.kafka import Record, ToSend, consume_all
from tests.tools.faults.foreign import Foreign, Table, home, judged_row
from tests.tools.fuzz.corpus import KEY, SUB
from tests.tools.fuzz.hostile_values import BROKEN, VALUES
from tests.tools.fuzz.inputs import mutated
from tests.tools.fuzz.row_inputs import row_value
from tests.tools.poison.batches import ODD_NAME
from tests.tools.poison.dose import Dose
from tests.tools.poison.vendor_doses import in_its_form

WEIGHTS: Final = {
    "hostile row": 160,
    "garbage over a row": 80,
    "a tombstone over a row": 20,
    "a row in a wrong partition": 6,
    "a tombstone in a wrong partition": 6,
    "garbage in a wrong partition": 6,
    "a header name that is not UTF-8": 15,
    "compressed": 15,
}
TABLES: Final[tuple[Table, Table]] = ("users", "loyalty")
# A log of which more keys than these belong to other partitions stops its worker.
_MOST_STRAYS: Final = 2
_STRAYING: Final = frozenset(kind for kind in WEIGHTS if kind.endswith("a wrong partition"))


class LiveRow(Struct, frozen=True):
    """The last row of a key in a changelog."""

    key: bytes
    partition: int
    value: bytes


class ChangelogDoses:
    """Makes doses of the random numbers."""

    def __init__(self, rng: Random, settings: Settings) -> None:
        self._rng = rng
        self._topics: Mapping[Table, str] = dict(zip(TABLES, settings.changelogs, strict=True))
        self._partitions = settings.partitions_events
        self._live: dict[Table, list[LiveRow]] = {table: [] for table in TABLES}
        self._number = 0
        self._strayed: dict[tuple[str, Table], int] = {}

    def look(self, broker: str, foreign: Foreign) -> None:
        """Reads which rows the users have now."""
        for table, topic in self._topics.items():
            last = {record.key: record for record in consume_all(broker, topic, headers_of=foreign.headers)}
            self._live[table] = [
                LiveRow(key, record.partition, record.value)
                for key, record in last.items()
                if key and record.value and b'"deleted_at"' not in record.value and b"poison" not in key
            ]

    def of(self, kind: str, table: Table) -> Dose:
        """Returns a dose of that kind, or a hostile row: if there have been enough of that kind, or if no
        user has a row yet."""
        strayed = self._strayed.get((kind, table), 0)
        over = kind in ("garbage over a row", "a tombstone over a row")
        if (kind in _STRAYING and strayed >= _MOST_STRAYS) or (over and not self._live[table]):
            kind = "hostile row"
        if kind == "a tombstone over a row":
            # A foreign tombstone over a loyalty row is one to a restore (docs/design.md#restore).
            table = "users"
        if kind in _STRAYING:
            self._strayed[kind, table] = strayed + 1
        record = self._record(kind, table)
        records = [record] * 3 if kind == "compressed" else [record]
        dose = Dose(kind=f"{kind}, {table}", boundary="changelog", topic=self._topics[table], records=records)
        formed = in_its_form(self._rng, msgspec.structs.replace(dose, kind=kind), self._partitions)
        return msgspec.structs.replace(formed, kind=dose.kind, records=records)

    def _record(self, kind: str, table: Table) -> ToSend:
        rng = self._rng
        match kind:
            case "garbage over a row":
                live = rng.choice(self._live[table])
                return ToSend(live.key, self._garbage(), partition=live.partition)
            case "a tombstone over a row":
                live = rng.choice(self._live[table])
                return ToSend(live.key, None, partition=live.partition)
            case "a row in a wrong partition":
                return self._away(self._own(table, lambda judged: not isinstance(judged, Dead)))
            case "a tombstone in a wrong partition":
                return self._away(self._own(table, lambda _: True)._replace(value=None))
            case "garbage in a wrong partition":
                return self._away(self._own(table, lambda _: True)._replace(value=b"{}"))
            case "a header name that is not UTF-8" | "compressed":
                return self._own(table, lambda _: True)._replace(value=b"{", headers=[(ODD_NAME, b"zq7")])
            case _:
                return self._own(table, lambda _: True)

    def _garbage(self) -> bytes:
        rng = self._rng
        return rng.choice((*BROKEN, *VALUES, rng.randbytes(20), b"{}", b"[" * 100_000))

    def _own(self, table: Table, wanted: Callable[[Rows | Dead], bool]) -> ToSend:
        """Returns a row of the fuzzer, which is about one user, as a row of a user of its own."""
        while True:
            self._number += 1
            sub = f"row-poison-{self._number}"
            key = (KEY[: -len(SUB)] + sub).encode()
            value = row_value(self._rng, table, mutated)
            if value is None:
                continue
            value = value.replace(f'"sub":"{SUB}"'.encode(), f'"sub":"{sub}"'.encode())
            record = ToSend(key, value, partition=home(key, self._partitions))
            judged = _judged(table, record)
            if judged is not None and wanted(judged):
                return record

    def _away(self, record: ToSend) -> ToSend:
        return record._replace(partition=((record.partition or 0) + 1) % self._partitions)


def _judged(table: Table, record: ToSend) -> Rows | Dead | None:
    """Returns what the record is; None if it is a later version's row, which pauses its partition, or a row
    in a form that Rollcall does not write: what becomes of that one depends on when it is read."""
    try:
        judged = judged_row(table, Record("t", 0, 0, 0, record.key, record.value, []))
    except LaterRow:
        return None
    if isinstance(judged, Dead):
        return judged
    normal = merge(judged, judged)
    encoded = (
        encode_user(normal.user)
        if normal.user is not None
        else encode_loyalty(normal.loyalty)
        if normal.loyalty is not None
        else None
    )
    return judged if encoded == record.value else None
