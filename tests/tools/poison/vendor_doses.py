"""Poison for the vendors' topics."""

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final

from app.outcome import Emit
from app.settings import Settings
from app.vendors import VENDORS, convert
from tests.kafka import Headers, Record, ToSend
from tests.tools.bench.bodies import maker_of
from tests.tools.fuzz.corpus import record_seeds
from tests.tools.fuzz.headers import grown_headers, grown_key
from tests.tools.fuzz.inputs import record_input
from tests.tools.fuzz.reshape import grown
from tests.tools.poison.batches import ODD_NAME
from tests.tools.poison.dose import BROKEN_BATCHES, CODECS, GZIP, LZ4, ZSTD, Dose, without_marks

WEIGHTS: Final = {
    "hostile body": 480,
    "hostile headers": 130,
    "unknown event": 20,
    "null value": 30,
    "deep nesting": 20,
    "odd timestamp": 60,
    "tenants of 1 KiB and many users": 15,
    "a body of a mebibyte": 12,
    "sixteen bodies of a mebibyte": 3,
    "over the limit of a record": 15,
    "a header of 65 KB": 20,
    "more headers than are read": 5,
    "a header name that is not UTF-8": 20,
    "compressed": 20,
    "a transaction": 15,
    "a transaction that is aborted": 15,
    "a transaction that stays open": 5,
    **dict.fromkeys(BROKEN_BATCHES, 4),
    "a bomb of one record": 3,
    "a bomb of many records": 2,
}
_AMITYS: Final = ("tenants of 1 KiB and many users", "sixteen bodies of a mebibyte")
# Kafka's value for no timestamp; then years and units that producers mistake for others.
_TIMESTAMPS: Final = (-1, 1, 946_684_800_000, 1_763_700_000_123_456, 253_402_300_800_000, 2**62)
_MIB: Final = 1 << 20
# Batches with these are larger than 64 MiB when they are unpacked.
_ONE_BYTES: Final = 300 * _MIB
_MANY_BYTES, _MANY = 900_000, 100
_USERS: Final = 220
# Twice as many as a worker reads (docs/events.md#bounds).
_HEADERS: Final = 20_000
_USERS_OF_A_MEBIBYTE: Final = 1_450


class VendorDoses:
    """Makes doses of the random numbers. Every user that they name is theirs alone, so that no user has a
    history whose result depends on repeats (docs/tables.md#order)."""

    def __init__(self, rng: Random, settings: Settings) -> None:
        self._rng = rng
        self._settings = settings
        self._number = 0
        self._keys: set[str] = set()
        self._makers: dict[str, Callable[[str], Sequence[ToSend]]] = {
            "hostile body": lambda vendor: [self._hostile(vendor)],
            "hostile headers": self._headers,
            "unknown event": self._unknown,
            "null value": lambda _: [ToSend(grown_key(rng), None, self._tenant())],
            "deep nesting": self._nested,
            "odd timestamp": self._timestamps,
            "tenants of 1 KiB and many users": self._many_users,
            "a body of a mebibyte": lambda vendor: [
                self._of(grown(rng, rng.choice(record_seeds(vendor)).seed))
            ],
            "sixteen bodies of a mebibyte": self._sixteen,
            "over the limit of a record": lambda vendor: [
                self._of(self.good(vendor)[:-1] + b',"x":"' + b"x" * _MIB + b'"}')
            ],
            "a header of 65 KB": self._giant_header,
            "more headers than are read": lambda vendor: [
                ToSend(None, self.good(vendor), [("h", b"zq7")] * _HEADERS + self._tenant())
            ],
            "a header name that is not UTF-8": self._odd_names,
            "compressed": self._mixed,
            "a transaction": self._mixed,
            "a transaction that is aborted": self._mixed,
            "a transaction that stays open": self._mixed,
            **dict.fromkeys(BROKEN_BATCHES, self._mixed),
            "a bomb of one record": lambda _: [ToSend(None, bytes(_ONE_BYTES))],
            "a bomb of many records": lambda _: [ToSend(None, bytes(_MANY_BYTES))] * _MANY,
        }

    def of(self, kind: str, vendor: str) -> Dose:
        """Returns a dose of that kind for the vendor; bodies with many users are Amity's."""
        vendor = "amity" if kind in _AMITYS else vendor
        while not self._is_alone(vendor, records := list(self._makers[kind](vendor))):
            pass
        dose = Dose(kind=kind, boundary="vendor", topic=self._settings.topic_of(vendor), records=records)
        return in_its_form(self._rng, dose, self._settings.partitions_vendor)

    def good(self, vendor: str) -> bytes:
        self._number += 1
        return json.dumps(maker_of(vendor)(self._number, self._number)).encode()

    def _of(self, value: bytes | None, headers: Headers | None = None, **more: Any) -> ToSend:
        return ToSend(grown_key(self._rng), value, [*(headers or []), *self._tenant()], **more)

    def _tenant(self) -> Headers:
        self._number += 1
        return [("tenant", b"poison-%d" % self._number)]

    def _hostile(self, vendor: str) -> ToSend:
        it = record_input(self._rng, vendor)
        # A broker refuses times before 1970.
        timestamp = None if it.timestamp is None or it.timestamp < -1 else it.timestamp
        return self._of(it.value, without_marks(it.headers), timestamp=timestamp or None)

    def _unknown(self, vendor: str) -> list[ToSend]:
        fixtures = [seed.fixture for seed in record_seeds(vendor)]
        unknown = [each for each in fixtures if each.outcome.get("reason") == "unknown_event"]
        return [self._of(self._rng.choice(unknown).value)]

    def _headers(self, vendor: str) -> list[ToSend]:
        headers = without_marks(grown_headers(self._rng, []))
        tenant = self._tenant() if self._rng.getrandbits(1) else []
        body = self.good(vendor) if self._rng.random() < 0.6 else b"{"
        return [ToSend(grown_key(self._rng), body, [*headers, *tenant])]

    def _nested(self, vendor: str) -> list[ToSend]:
        opening = self._rng.choice((b"[", b'{"a":', b'{"data":[', b'["', b'"\\'))
        if self._rng.getrandbits(1):
            return [self._of(opening * 100_000)]
        depth = self._rng.randrange(680, 1_010)
        return [self._of(self.good(vendor)[:-1] + b',"x":' + b"[" * depth + b"]" * depth + b"}")]

    def _timestamps(self, vendor: str) -> list[ToSend]:
        timestamp = self._rng.choice(_TIMESTAMPS)
        if self._rng.getrandbits(1):
            return [self._of(self.good(vendor), timestamp=timestamp)]
        told = [("x-original-timestamp", b"%d" % min(timestamp, 10**15 - 1))]
        return [self._of(self.good(vendor), list(told))]

    def _many_users(self, _vendor: str) -> list[ToSend]:
        self._number += 1
        tenant, users = (b"poison-%d-" % self._number).ljust(1024, b"t"), self._rng.choice((5, 40, _USERS))
        return [
            ToSend(None, amity_of(self._rng, f"{self._number}-{index}", users), [("tenant", tenant)])
            for index in range(5)
        ]

    def _sixteen(self, _vendor: str) -> list[ToSend]:
        self._number += 1
        return [
            self._of(amity_of(self._rng, f"{self._number}-{index}", _USERS_OF_A_MEBIBYTE))
            for index in range(16)
        ]

    def _giant_header(self, vendor: str) -> list[ToSend]:
        name = self._rng.choice(("tenant", "webhook-id", "x-fp-event-id", "traceparent", "zq7"))
        body = amity_of(self._rng, str(self._number), _USERS) if vendor == "amity" else self.good(vendor)
        tenant = [] if name == "tenant" else self._tenant()
        return [ToSend(None, body, [(name, b"t" * 65_000), *tenant])] * 2

    def _odd_names(self, vendor: str) -> list[ToSend]:
        headers: Headers = [(ODD_NAME, b"zq7"), *self._tenant()]
        return [ToSend(None, self._rng.choice((self.good(vendor), b"{")), headers) for _ in range(2)]

    def _mixed(self, vendor: str) -> list[ToSend]:
        good = [self._of(self.good(vendor)) for _ in range(1 + self._rng.getrandbits(2))]
        return [*good, self._hostile(vendor)]

    def _is_alone(self, vendor: str, records: Sequence[ToSend]) -> bool:
        """Returns whether nobody else's records name the users of these."""
        keys: set[str] = set()
        for record in records:
            if len(record.value or b"") > _MIB:
                continue
            as_record = Record("t", 0, 0, record.timestamp or 0, record.key, record.value, record.headers)
            outcome = convert(VENDORS[vendor], as_record, "t/0", self._settings.options_of(vendor))
            if isinstance(outcome, Emit):
                keys |= {event.partitionkey for event in outcome.events}
                if not outcome.events[0].tenant.startswith("poison"):
                    return False
        if keys & self._keys:
            return False
        self._keys |= keys
        return True


def in_its_form(rng: Random, dose: Dose, partitions: int) -> Dose:
    """Returns the dose as its kind is written."""
    kind, raw = dose.kind, {"form": "raw"}
    if kind == "a header name that is not UTF-8":
        changes: dict[str, Any] = {**raw, "odd_names": True}
    elif kind == "compressed":
        changes = {**raw, "codec": rng.choice(CODECS)}
    elif kind in BROKEN_BATCHES:
        changes = {"form": "broken", "codec": rng.choice(CODECS), "damage": BROKEN_BATCHES[kind]}
    elif kind.startswith("a bomb"):
        changes = {**raw, "codec": rng.choice((GZIP, LZ4, ZSTD)), "inflated": True}
    elif kind == "more headers than are read":
        changes = {"inflated": True}
    elif kind.startswith("a transaction"):
        aborted = kind == "a transaction that is aborted" or rng.random() < 0.2
        stays = 1 + 2 * rng.random() if kind == "a transaction that stays open" else 0.0
        changes = {"form": "aborted" if aborted else "committed", "open_seconds": stays}
    else:
        return dose
    partition = rng.randrange(partitions)
    records = [record._replace(partition=partition) for record in dose.records]
    return Dose(kind=kind, boundary=dose.boundary, topic=dose.topic, **{"records": records, **changes})


def amity_of(rng: Random, name: str, users: int) -> bytes:
    """Returns a body of Amity with so many users."""
    body: dict[str, Any] = maker_of("amity")(rng.randrange(1, 9), 1)
    user = body["data"]["users"][0]
    body["data"]["users"] = [{**user, "userId": f"{name}-{number}"} for number in range(users)]
    return json.dumps(body).encode()
