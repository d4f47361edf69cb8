"""A dead letter as a command reads it back: its original, and what its headers say."""

import re
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from app.dead_letters import CONNECT_ERRORS, DETAIL_CHARS, original_headers
from app.engine import Record
from app.outcome import DEAD_REASONS
from app.vendors import VENDORS

CANONICAL: Final = "canonical"
CHANGELOG: Final = "changelog"
ORIGINS: Final = (*VENDORS, CANONICAL, CHANGELOG)
"""What `x-vendor` may be."""

_TOPIC: Final = re.compile(r"[a-zA-Z0-9._-]{1,249}", re.ASCII)
_PARTITION: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
_OFFSET: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
_ATTEMPT: Final = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
_TIMESTAMP: Final = re.compile(r"-?[0-9]{1,15}", re.ASCII)


class KeptLetter(Struct, frozen=True, kw_only=True):
    """A dead letter. Its texts have no value of the record, because a worker wrote them."""

    vendor: str
    """One of ORIGINS."""
    reason: str
    detail: str
    attempt: int
    """How many times the record was dead, 1 or more."""
    first_failed_at: bytes
    recorded: int
    """The timestamp of the original in milliseconds since 1970; negative if it has none."""
    topic: str
    partition: int
    offset: int
    """Where the original is."""
    is_truncated: bool
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]
    """Those of the original."""
    written: int
    """When the letter was written, in milliseconds since 1970."""

    @property
    def origin(self) -> str:
        """Where the original is: `topic/partition/offset`."""
        return f"{self.topic}/{self.partition}/{self.offset}"


def read_letter(record: Record) -> KeptLetter | None:
    """Returns the dead letter; None if the record is no dead letter of Rollcall's."""
    said = _texts(record.headers)
    topic, partition, offset = (
        said.get(CONNECT_ERRORS + name, "") for name in ("topic", "partition", "offset")
    )
    attempt, recorded = said.get("x-attempt", ""), said.get("x-original-timestamp", "")
    if (
        said.get("x-vendor") not in ORIGINS
        or said.get("x-reason") not in DEAD_REASONS
        or not _TOPIC.fullmatch(topic)
        or not _PARTITION.fullmatch(partition)
        or not _OFFSET.fullmatch(offset)
        or not _ATTEMPT.fullmatch(attempt)
        or not _TIMESTAMP.fullmatch(recorded)
    ):
        return None
    return KeptLetter(
        vendor=said["x-vendor"],
        reason=said["x-reason"],
        detail=said.get("x-detail", "")[:DETAIL_CHARS],
        attempt=int(attempt),
        first_failed_at=said.get("x-first-failed-at", "").encode(),
        recorded=int(recorded),
        topic=topic,
        partition=int(partition),
        offset=int(offset),
        is_truncated="x-truncated" in said,
        key=record.key,
        value=record.value,
        headers=original_headers(record.headers),
        written=record.timestamp,
    )


def _texts(headers: Sequence[tuple[str, bytes | None]]) -> dict[str, str]:
    """Returns the headers by name in lower case. If a name repeats, the last value wins; an empty value
    counts as absent."""
    texts = {name.lower(): (value or b"").decode("utf-8", "replace") for name, value in headers}
    return {name: text for name, text in texts.items() if text}
