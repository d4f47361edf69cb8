"""The headers that the dead letter of a fixture gets, for the pages and the examples."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from app.dead_letters import SourceRecord, our_headers
from app.outcome import Dead
from app.settings import Settings
from tests.vendors.fixtures import Fixture

# The time in the dead letters of the pages, in microseconds since 1970.
_WRITTEN: Final = 1_763_700_001_000_000


class FixtureRecord(NamedTuple):
    """A fixture as a record of its topic; it has no key."""

    offset: int
    timestamp: int
    key: bytes
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


def dead_letter_headers(fixture: Fixture) -> dict[str, str]:
    """Returns the headers of the dead letter that are not those of the fixture's record."""
    topic, _, partition = fixture.partition.partition("/")
    headers = our_headers(
        FixtureRecord(fixture.offset, fixture.timestamp, b"", fixture.value, fixture.headers),
        SourceRecord(topic, int(partition), fixture.offset, fixture.vendor),
        Dead(fixture.outcome["reason"], fixture.outcome["detail"]),
        app_id=Settings().app_id,
        now=_WRITTEN,
    )
    return {header: (value or b"").decode() for header, value in headers}
