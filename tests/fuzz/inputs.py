"""The N-th input of a seed: one record of a vendor's topic, a short history of canonical events, or a short
log of both changelogs."""

from random import Random
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from app.vendors import VENDORS, Options
from tests.fuzz.corpus import ID, TIME, RecordSeed, Seed, event_seeds, record_seeds
from tests.fuzz.damage import damaged, recoded, spliced
from tests.fuzz.headers import Headers, grown_headers, grown_key
from tests.fuzz.reshape import grown, reshaped
from tests.fuzz.row_inputs import RowInput, rows_input

_VENDORS: Final = tuple(VENDORS)
# Big bodies cost a thousand times what others do.
_GROWN_SHARE: Final = 1 / 3000
_ROWS_SHARE: Final = 0.05
# Milliseconds; -1 is Kafka's "none", and microseconds by mistake are common.
_TIMESTAMPS: Final[tuple[int | None, ...]] = (
    None,
    *(0, -1, 1, -(2**63), 2**63 - 1, 946_684_799_999, 946_684_800_000, 1_763_700_000_123_456),
    *(253_402_300_799_999, 253_402_300_800_000, 253_402_214_400_000, -62_135_596_800_001, 1_500_000_000_000),
)
_OPTIONS: Final = (
    *(Options(max_record_bytes=0), Options(max_record_bytes=200), Options(tenant="zq7/%\x00")),
    Options(tenant="\u0085é"),
)


class RecordInput(Struct, frozen=True):
    """A record as the consumer hands it over (`app.vendors.Record`), of whose topic, and the settings."""

    vendor: str
    value: bytes | None
    headers: Headers
    timestamp: int | None
    offset: int
    options: Options
    key: bytes | None = None


class HistoryInput(Struct, frozen=True):
    """Values of the canonical topic, in the order in which they come."""

    values: list[bytes]


Input = RecordInput | HistoryInput | RowInput


def input_of(seed: int, number: int) -> Input:
    """Pure: the same on every machine and in every process, as long as the fixtures are the same."""
    rng = Random(seed << 64 | number)
    if rng.random() < _ROWS_SHARE:
        return rows_input(rng, _mutated)
    target = int(rng.random() * (len(_VENDORS) + 1))
    if target == len(_VENDORS):
        return HistoryInput([_event(rng) for _ in range(1 + int(rng.random() * 4))])
    return _record(rng, _VENDORS[target])


def _record(rng: Random, vendor: str) -> RecordInput:
    seeds = record_seeds(vendor)
    chosen = rng.choice(seeds)
    fixture = chosen.fixture
    headers: Headers = list(fixture.headers)
    if rng.random() < 0.1:
        headers = grown_headers(rng, headers)
    value = _value(rng, chosen, seeds)
    return RecordInput(
        vendor=vendor,
        value=value,
        headers=headers,
        timestamp=rng.choice(_TIMESTAMPS) if rng.random() < 0.03 else fixture.timestamp,
        offset=rng.choice((0, 2**63 - 1)),
        options=_options(rng, value) if rng.random() < 0.02 else fixture.options,
        key=grown_key(rng) if rng.random() < 0.05 else None,
    )


def _options(rng: Random, value: bytes | None) -> Options:
    """Other settings; of the sizes also those just at the value's."""
    if rng.getrandbits(1):
        return rng.choice(_OPTIONS)
    return Options(max_record_bytes=max(0, len(value or b"") + rng.choice((-1, 0, 1))))


def _value(rng: Random, chosen: RecordSeed, seeds: tuple[RecordSeed, ...]) -> bytes | None:
    if chosen.fixture.value is None:
        return None if rng.getrandbits(1) else rng.randbytes(rng.getrandbits(5))
    return _mutated(rng, chosen.seed, rng.choice(seeds).seed)


def _mutated(rng: Random, seed: Seed, other: Seed) -> bytes:
    if rng.random() < _GROWN_SHARE:
        return grown(rng, seed)
    kind = rng.random()
    if kind < 0.83:
        return reshaped(rng, seed)
    if kind < 0.88:
        return damaged(rng, reshaped(rng, seed))
    if kind < 0.97:
        return damaged(rng, seed.body)
    if kind < 0.985:
        return spliced(rng, seed.body, other.body)
    return recoded(rng, reshaped(rng, seed))


def _event(rng: Random) -> bytes:
    """Few ids and few instants, so that events meet; the rest of the state's input is left to the edits."""
    seeds = event_seeds()
    seed = rng.choice(seeds)
    body = seed.body.replace(ID, ID[:-2] + b'%d"' % int(rng.random() * 3), 1)
    body = body.replace(TIME, TIME[:-10] + b'%d.000000Z"' % int(rng.random() * 4), 1)
    if rng.random() < 0.35:
        return body
    return _mutated(rng, replace(seed, body=body), rng.choice(seeds))
