"""Which dead letters a redrive writes back, where to, and with which headers. Pure: no clock, no I/O."""

import hashlib
from typing import Final, Literal, get_args

import msgspec
from msgspec import Struct

from app.canonical import InvalidEvent, decode_event
from app.engine import partition_of
from app.outcome import Dead, Skip
from app.settings import Settings
from app.times import parse_rfc3339
from app.tools.redrives.letters import CANONICAL, CHANGELOG, KeptLetter
from app.tools.topic_writer import Outgoing
from app.vendors import VENDORS, convert

Objection = Literal[
    "not_a_dead_letter",  # somebody else wrote it to the topic
    "changelog",  # the worker has already repaired what was wrong there
    "truncated",  # it is not the whole record
    "other_topic",  # its topic is not the one that the settings name for its vendor
    "attempts",  # it was dead --max-attempts times
    "too_old",  # its event is older than GRACE_PERIOD, or it is not known how old it is
    "not_taken",  # the broker refuses the record, for its size or its form
]
"""Why a letter that was chosen is not written back."""
OBJECTIONS: Final[tuple[Objection, ...]] = get_args(Objection)

_MICROS: Final = 1_000_000
_BAD_TIME: Final = "bad_time"


class Choice(Struct, frozen=True, kw_only=True):
    """Which letters a run takes. An empty tuple or None chooses all. Times are those of the letters, in
    milliseconds since 1970; `since` is included, `until` is not."""

    vendors: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    """Texts with one of which the detail begins."""
    origins: tuple[str, ...] = ()
    """Positions of originals, `topic/partition/offset`."""
    attempts: int | None = None
    since: int | None = None
    until: int | None = None
    partition: int | None = None
    first: int | None = None
    end: int | None = None
    """A partition of the dead-letter topic, and offsets of it. They bound what is read."""
    max_attempts: int = 5
    allow_old: bool = False
    without_original_timestamp: bool = False

    def takes(self, letter: KeptLetter) -> bool:
        """Returns whether a letter is chosen."""
        return (
            (not self.vendors or letter.vendor in self.vendors)
            and (not self.reasons or letter.reason in self.reasons)
            and (not self.details or letter.detail.startswith(self.details))
            and (not self.origins or letter.origin in self.origins)
            and (self.attempts is None or letter.attempt == self.attempts)
            and (self.since is None or letter.written >= self.since)
            and (self.until is None or letter.written < self.until)
        )

    def digest(self) -> str:
        """Returns a text that differs if the choice does."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:16]


def objection(letter: KeptLetter, choice: Choice, settings: Settings, now: int) -> Objection | None:
    """Returns why a chosen letter must not be written back, or None. `now`: in milliseconds since 1970."""
    if letter.vendor == CHANGELOG:
        return "changelog"
    if letter.is_truncated:
        return "truncated"
    canonical = letter.vendor == CANONICAL
    if letter.topic != (settings.topic_events if canonical else settings.topic_of(letter.vendor)):
        return "other_topic"
    if letter.attempt >= choice.max_attempts:
        return "attempts"
    if not choice.allow_old and not _is_young(letter, choice, settings, now):
        return "too_old"
    return None


def _is_young(letter: KeptLetter, choice: Choice, settings: Settings, now: int) -> bool:
    """Returns whether no event of the record is older than GRACE_PERIOD. Later nothing may be left that says
    that its user was deleted meanwhile, and the event would bring the user back."""
    since = now * 1000 - settings.grace_period * _MICROS
    if letter.vendor == CANONICAL:
        try:
            times = [decode_event(letter.value or b"").time]
        except InvalidEvent:
            return _recorded_since(letter, since)
    else:
        record = _Again(letter.offset, now, letter.value, back_headers(letter, choice))
        options = settings.options_of(letter.vendor)
        outcome = convert(VENDORS[letter.vendor], record, f"{letter.topic}/{letter.partition}", options)
        if isinstance(outcome, Skip):
            return True
        if isinstance(outcome, Dead):
            # A worker may map what this version does not.
            return _recorded_since(letter, since)
        times = [event.time for event in outcome.events]
    return all((micros := parse_rfc3339(time)) is not None and micros >= since for time in times)


def _recorded_since(letter: KeptLetter, since: float) -> bool:
    return letter.recorded >= 0 and letter.recorded * 1000 >= since


class _Again(Struct):
    """The record as it would be on its topic again."""

    offset: int
    timestamp: int
    value: bytes | None
    headers: list[tuple[str, bytes | None]]


def back_headers(letter: KeptLetter, choice: Choice) -> list[tuple[str, bytes | None]]:
    """Returns the headers with which a letter is written back: those of the original, and those of ours from
    which a worker goes on if the record is dead again (docs/dead-letters.md#headers)."""
    headers = [*letter.headers, ("x-attempt", b"%d" % letter.attempt)]
    if letter.first_failed_at:
        headers.append(("x-first-failed-at", letter.first_failed_at))
    if not (choice.without_original_timestamp and letter.reason == _BAD_TIME):
        headers.append(("x-original-timestamp", b"%d" % letter.recorded))
    return headers


def back(letter: KeptLetter, choice: Choice, partitions: int) -> Outgoing:
    """Returns the record to write. `partitions`: how many its topic has."""
    return Outgoing(
        letter.topic,
        partition_back(letter, partitions),
        letter.key,
        letter.value,
        back_headers(letter, choice),
    )


def partition_back(letter: KeptLetter, partitions: int) -> int:
    """Returns the partition to write to.

    A vendor's record goes to the one where it was, whatever partitioner its producer has: other records of
    its key are there, too. If the topic no longer has that partition, Kafka's default partitioner chooses
    one. A canonical event goes to the partition of its key, because a worker takes it nowhere else.
    """
    if letter.vendor != CANONICAL and letter.partition < partitions:
        return letter.partition
    return letter.partition % partitions if letter.key is None else partition_of(letter.key, partitions)
