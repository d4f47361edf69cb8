"""The texts that are edited: the bodies of all fixtures, and the canonical events that are expected of
them."""

import json
from functools import cache
from typing import Any, Final

from msgspec import Struct

from app.vendors import VENDORS
from tests.tools.fuzz.sites import Site, sites_of
from tests.vendors.fixtures import Fixture, fixtures_of

# All events of the state's corpus are about one user, so that any of them can be in one history.
VENDOR, TENANT, SUB = "fuzz", "acme", "7"
KEY: Final = f"{VENDOR}/{TENANT}/{SUB}"
# These are replaced by texts of the same length, so that the positions of the sites stay valid.
ID: Final = b'"id":"i0"'
TIME: Final = b'"time":"2024-01-01T00:00:00.000000Z"'


class Pool(Struct, frozen=True):
    """The names and values in the bodies of a corpus, as they are written there."""

    names: tuple[bytes, ...]
    values: dict[bytes, tuple[bytes, ...]]
    all_values: tuple[bytes, ...]


class Seed(Struct, frozen=True):
    """A body, and the sites at which it can be edited."""

    body: bytes
    sites: tuple[Site, ...]
    pool: Pool


class RecordSeed(Struct, frozen=True):
    fixture: Fixture
    seed: Seed


@cache
def record_seeds(vendor: str) -> tuple[RecordSeed, ...]:
    """Returns the fixtures of the vendor, in the order of their names."""
    fixtures = fixtures_of(vendor)
    seeds = _seeds([fixture.value or b"" for fixture in fixtures])
    return tuple(map(RecordSeed, fixtures, seeds))


@cache
def event_seeds() -> tuple[Seed, ...]:
    """Returns the different canonical events of all fixtures, changed into events of one user."""
    events = [
        event
        for vendor in VENDORS
        for fixture in fixtures_of(vendor)
        for event in fixture.outcome.get("events", ())
    ]
    return tuple(_seeds(sorted({_of_one_user(event) for event in events})))


def _of_one_user(event: dict[str, Any]) -> bytes:
    data = {**event["data"], "user": {**event["data"]["user"], "sub": SUB}}
    identity = {"id": "i0", "vendor": VENDOR, "tenant": TENANT, "subject": SUB, "partitionkey": KEY}
    origin = {
        "time": "2024-01-01T00:00:00.000000Z",
        "origin": "-/0/0",
        "source": f"/vendors/{VENDOR}/{TENANT}",
    }
    text = json.dumps(
        {**event, **identity, **origin, "data": data}, ensure_ascii=False, separators=(",", ":")
    )
    return text.encode()


def _seeds(bodies: list[bytes]) -> list[Seed]:
    sites = [sites_of(body) for body in bodies]
    pool = _pool(bodies, sites)
    return [Seed(body, in_body, pool) for body, in_body in zip(bodies, sites, strict=True)]


def _pool(bodies: list[bytes], sites: list[tuple[Site, ...]]) -> Pool:
    values: dict[bytes, set[bytes]] = {}
    for body, in_body in zip(bodies, sites, strict=True):
        for site in in_body:
            values.setdefault(site.name, set()).add(body[site.value : site.end])
    # Sorted, because a set has another order in every process.
    ordered = {name: tuple(sorted(values[name])) for name in sorted(values)}
    small = sorted({value for group in ordered.values() for value in group if len(value) < 4096})
    return Pool(tuple(name for name in ordered if name), ordered, tuple(small))
