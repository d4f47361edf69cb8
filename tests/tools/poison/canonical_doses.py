"""Poison for the canonical topic: what other programs may write there."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final

import msgspec

from app.settings import Settings
from tests.kafka import ToSend
from tests.tools.faults.foreign import home
from tests.tools.fuzz.corpus import KEY, SUB
from tests.tools.fuzz.headers import grown_headers, grown_key
from tests.tools.fuzz.hostile_values import BROKEN, VALUES
from tests.tools.fuzz.inputs import event_value
from tests.tools.poison.batches import ODD_NAME
from tests.tools.poison.dose import BROKEN_BATCHES, Dose, without_marks
from tests.tools.poison.vendor_doses import in_its_form

WEIGHTS: Final = {
    "hostile event": 180,
    "no event": 40,
    "null value": 15,
    "in a wrong partition": 40,
    "under another key": 30,
    "without a key": 20,
    "before the year 2000": 25,
    "from the future": 25,
    "without a timestamp": 15,
    "names and values over their bounds": 20,
    "hostile headers": 25,
    "a header name that is not UTF-8": 15,
    "compressed": 15,
    "a transaction": 8,
    "a transaction that is aborted": 8,
    **dict.fromkeys(BROKEN_BATCHES, 2),
    "a bomb of one record": 2,
}
_MIB: Final = 1 << 20


class CanonicalDoses:
    """Makes doses of the random numbers. Each usable event is about a user of its own."""

    def __init__(self, rng: Random, settings: Settings) -> None:
        self._rng = rng
        self._topic = settings.topic_events
        self._partitions = settings.partitions_events
        self._number = 0

    def of(self, kind: str) -> Dose:
        """Returns a dose of that kind."""
        records: Sequence[ToSend]
        if kind in (*BROKEN_BATCHES, "compressed", "a transaction", "a transaction that is aborted"):
            records = [self._in_its_partition(self._good()) for _ in range(3)]
        else:
            records = [self._record(kind)]
        dose = Dose(kind=kind, boundary="canonical", topic=self._topic, records=records)
        formed = in_its_form(self._rng, dose, self._partitions)
        if kind.startswith("a bomb") or formed.form == "plain":
            return formed
        # A good event has to stay in its own partition, and a batch has only one.
        at = records[0].partition
        kept = [record._replace(partition=at) for record in records if record.partition == at]
        return msgspec.structs.replace(formed, records=kept)

    def _record(self, kind: str) -> ToSend:
        rng, good = self._rng, self._good()
        makers: dict[str, Callable[[], ToSend]] = {
            "hostile event": self._hostile,
            "no event": lambda: ToSend(grown_key(rng), self._no_event()),
            "null value": lambda: ToSend(good.key, None),
            "in a wrong partition": lambda: good._replace(
                partition=(self._home(good) + 1) % self._partitions
            ),
            "under another key": lambda: good._replace(
                key=rng.choice((b"zq7", KEY.encode(), (good.key or b"").upper()))
            ),
            "without a key": lambda: good._replace(key=None),
            "before the year 2000": lambda: self._good(time="1999-12-31T23:59:59.999999Z"),
            "from the future": lambda: self._good(
                time=rng.choice(("2099-01-01T00:00:00Z", "9999-12-31T23:59:59Z"))
            ),
            "without a timestamp": lambda: good._replace(timestamp=-1),
            "names and values over their bounds": self._over_a_bound,
            "hostile headers": lambda: good._replace(headers=without_marks(grown_headers(rng, []))),
            "a header name that is not UTF-8": lambda: self._in_its_partition(good)._replace(
                headers=[(ODD_NAME, b"zq7")]
            ),
            "a bomb of one record": lambda: ToSend(None, bytes(200 * _MIB)),
        }
        return makers[kind]()

    def _no_event(self) -> bytes:
        return self._rng.choice((*BROKEN, *VALUES, self._rng.randbytes(20), b"{}", b"[" * 100_000))

    def _good(self, **changes: Any) -> ToSend:
        self._number += 1
        sub = f"canonical-{self._number}"
        event = {
            "specversion": "1.0",
            "id": f"user.updated:{self._number}",
            "source": "/vendors/magine/poison",
            "type": "user.updated",
            "time": "2024-01-01T00:00:30.000000Z",
            "partitionkey": f"magine/poison/{sub}",
            "vendor": "magine",
            "tenant": "poison",
            "data": {"snapshot": "full", "status": "active", "user": {"sub": sub, "name": "N"}},
        }
        return ToSend(f"magine/poison/{sub}".encode(), msgspec.json.encode(event | changes))

    def _over_a_bound(self) -> ToSend:
        self._number += 1
        sub, large = f"canonical-{self._number}", "x" * 20_000
        user = {"sub": sub, **self._rng.choice(({"name": large}, {"n" * 300: 1}, {large: large}))}
        if self._rng.getrandbits(1):
            user = {"sub": sub, **{f"name{number}": "y" for number in range(300)}}
        key = f"magine/poison/{sub}"
        good = msgspec.json.decode(self._good().value or b"")
        event = good | {"partitionkey": key, "data": {"snapshot": "full", "user": user}}
        return ToSend(key.encode(), msgspec.json.encode(event))

    def _hostile(self) -> ToSend:
        """Returns an event of the fuzzer, which is about one user, as an event about a user of its own."""
        self._number += 1
        sub = f"fuzzed-{self._number}"
        key = KEY[: -len(SUB)] + sub
        value = event_value(self._rng)
        for name, text in (("subject", sub), ("sub", sub), ("partitionkey", key)):
            old = KEY if name == "partitionkey" else SUB
            value = value.replace(f'"{name}":"{old}"'.encode(), f'"{name}":"{text}"'.encode())
        return ToSend(key.encode(), value)

    def _home(self, record: ToSend) -> int:
        return home(record.key or b"", self._partitions)

    def _in_its_partition(self, record: ToSend) -> ToSend:
        return record._replace(partition=self._home(record))
