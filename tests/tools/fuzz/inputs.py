"""The N-th input of a seed: one record of a vendor's topic, a short history of canonical events, or a short
log of both changelogs."""

from random import Random
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from app.vendors import VENDORS, Options
from tests.tools.fuzz.corpus import ID, TIME, RecordSeed, Seed, event_seeds, record_seeds
from tests.tools.fuzz.damage import damaged, recoded, spliced
from tests.tools.fuzz.headers import Headers, grown_headers, grown_key
from tests.tools.fuzz.reshape import grown, reshaped
from tests.tools.fuzz.row_inputs import RowInput, rows_input

_VENDORS: Final = tuple(VENDORS)
# Large bodies take a thousand times longer than others.
_GROWN_SHARE: Final = 1 / 3000
_ROWS_SHARE: Final = 0.05
# In milliseconds. -1 is Kafka's value for no timestamp; microseconds are a common mistake.
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
    """A record of a vendor's topic (`app.vendors.InputRecord`), and the settings."""

    vendor: str
    value: bytes | None
    headers: Headers
    timestamp: int | None
    offset: int
    options: Options
    key: bytes | None = None


class HistoryInput(Struct, frozen=True):
    """Values of the canonical topic, in the order in which they arrive."""

    values: list[bytes]


Input = RecordInput | HistoryInput | RowInput


def input_of(seed: int, number: int) -> Input:
    """Returns the input of a seed with this number. It is the same on every machine and in every process, as
    long as the fixtures are the same."""
    rng = Random(seed << 64 | number)
    if rng.random() < _ROWS_SHARE:
        return rows_input(rng, mutated)
    target = int(rng.random() * (len(_VENDORS) + 1))
    if target == len(_VENDORS):
        return HistoryInput([event_value(rng) for _ in range(1 + int(rng.random() * 4))])
    return record_input(rng, _VENDORS[target])


def record_input(rng: Random, vendor: str) -> RecordInput:
    """Returns a record of a vendor's topic."""
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
    """Returns other settings than the default ones, sometimes with a limit just at the size of the value."""
    if rng.getrandbits(1):
        return rng.choice(_OPTIONS)
    return Options(max_record_bytes=max(0, len(value or b"") + rng.choice((-1, 0, 1))))


def _value(rng: Random, chosen: RecordSeed, seeds: tuple[RecordSeed, ...]) -> bytes | None:
    if chosen.fixture.value is None:
        return None if rng.getrandbits(1) else rng.randbytes(rng.getrandbits(5))
    return mutated(rng, chosen.seed, rng.choice(seeds).seed)


def mutated(rng: Random, seed: Seed, other: Seed) -> bytes:
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


def event_value(rng: Random) -> bytes:
    """Returns an event with one of few ids and times, so that events are often equal in them. Edits change
    the rest."""
    seeds = event_seeds()
    seed = rng.choice(seeds)
    body = seed.body.replace(ID, ID[:-2] + b'%d"' % int(rng.random() * 3), 1)
    body = body.replace(TIME, TIME[:-10] + b'%d.000000Z"' % int(rng.random() * 4), 1)
    if rng.random() < 0.35:
        return body
    return mutated(rng, replace(seed, body=body), rng.choice(seeds))
