"""Which dead letters may be of one user, as far as their key, their position or their body tells it."""

import json
import re
from collections.abc import Collection
from contextlib import aclosing
from typing import Final, Literal, NamedTuple

import msgspec

from app.dead_letters import CONNECT_ERRORS
from app.engine import Headers, Record
from app.settings import Settings
from app.tools.connected import Logs, Span
from app.tools.scan import scan
from app.tools.users.user_key import UserKey

Match = Literal["key", "position", "id"]
"""By what a dead letter was found: its key is the canonical key; or the original record was handled later and
is the origin of one of the user's events; or it is a record of the vendor with the user's id as its key or as
a value in its body. The last may be another user's record that has the same text."""

_OWN: Final = ("canonical", "changelog")


class KeyDeadLetter(NamedTuple):
    """A dead letter that may be of the user. `timestamp`: in milliseconds since 1970."""

    partition: int
    offset: int
    timestamp: int
    match: Match
    vendor: str
    reason: str
    detail: str
    attempt: str
    origin: str
    """The position of the original record: topic/partition/offset."""
    value: bytes | None


class DeadLetterFinder:
    """Judges dead letters, one after the other."""

    def __init__(self, user: UserKey, origins: Collection[str]) -> None:
        """`origins`: the members `origin` of the user's canonical events."""
        self._user = user
        self._key = user.key
        self._origins = frozenset(origins)
        sub = b"|".join(re.escape(form) for form in json_forms(user.sub))
        number = b"|" + re.escape(user.sub.encode()) if re.fullmatch(r"-?[0-9]{1,30}", user.sub) else b""
        # Whether it is the value of a member or element, not a part of a longer text or number.
        self._id = re.compile(rb'[:\[,]\s*(?:"(?:' + sub + rb')"' + number + rb")\s*[,}\]]")

    def match(self, record: Record) -> Match | None:
        """Returns by what a dead letter is one of the user's, or None."""
        if record.key == self._key:
            return "key"
        headers = last_texts(record.headers)
        vendor = headers.get("x-vendor", "")
        if vendor not in (*_OWN, self._user.vendor):
            return None
        if origin_of(headers) in self._origins:
            return "position"
        if vendor in _OWN or headers.get("tenant", self._user.tenant) not in ("", self._user.tenant):
            return None
        return "id" if record.key == self._user.sub.encode() or self.has_id(record.value) else None

    def has_id(self, body: bytes | None) -> bool:
        """Returns whether the user's id is a value in a body of JSON."""
        return body is not None and self._id.search(body) is not None


def json_forms(text: str) -> set[bytes]:
    """Returns what JSON may have between the quotes of this text: the text as it is, with characters that are
    not ASCII escaped, and with escaped slashes, as PHP writes them."""
    escaped = json.dumps(text)[1:-1]
    forms = {msgspec.json.encode(text)[1:-1], escaped.encode(), _HEX.sub(_upper, escaped).encode()}
    return forms | {form.replace(b"/", rb"\/") for form in forms}


_HEX: Final = re.compile(r"\\u[0-9a-f]{4}")


def _upper(match: re.Match[str]) -> str:
    return "\\u" + match[0][2:].upper()


def origin_of(headers: dict[str, str]) -> str:
    """Returns the position of a dead letter's original record, topic/partition/offset."""
    return "/".join(headers.get(CONNECT_ERRORS + part, "") for part in ("topic", "partition", "offset"))


def last_texts(headers: Headers) -> dict[str, str]:
    """Returns headers by their names in lower case; if one repeats, the last value."""
    return {name.lower(): (value or b"").decode("utf-8", "replace") for name, value in headers}


async def read_dead_letters(
    logs: Logs, settings: Settings, finder: DeadLetterFinder, since: int | None = None
) -> list[KeyDeadLetter]:
    """Returns the dead letters that may be of the user, by partition and offset. `since`: only those written
    at this time or later, in milliseconds since 1970. Raises KafkaError."""
    found = []
    ranges = await logs.ranges([settings.topic_dead_letter], Span(since=since))
    async with aclosing(scan(logs, ranges)) as batches:
        async for batch in batches:
            found += [
                dead_letter_of(batch.log.partition, record, match)
                for record in batch.records
                if (match := finder.match(record)) is not None
            ]
    return sorted(found)


def dead_letter_of(partition: int, record: Record, match: Match) -> KeyDeadLetter:
    """Returns what is shown of a dead letter."""
    headers = last_texts(record.headers)
    return KeyDeadLetter(
        partition,
        record.offset,
        record.timestamp,
        match,
        headers.get("x-vendor", ""),
        headers.get("x-reason", ""),
        headers.get("x-detail", ""),
        headers.get("x-attempt", ""),
        origin_of(headers),
        record.value,
    )
