"""A run of `rollcall redrive`: reads the dead letters of its ranges, writes the chosen ones back, commits."""

import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import Final

from msgspec import Struct, field

from app.engine import LogPartition, ReadSession, Record
from app.errors import CommandFailed
from app.settings import Settings
from app.tools.connected import Logs, Ranges, Span, checked_partitions
from app.tools.progress_line import ProgressLine, RateLimit
from app.tools.redrives.letters import KeptLetter, read_letter
from app.tools.redrives.redrive_choice import Choice, Objection, back, objection
from app.tools.redrives.run_group import Committed, RunGroup
from app.tools.redrives.run_note import RunNote, decode_run_note
from app.tools.topic_writer import Outgoing, TopicWriter

BATCH_LETTERS: Final = 500
"""How many letters are looked at, written back and committed together, at most. A kill repeats no more."""

Kind = tuple[str, str, str]
"""Vendor, reason and detail."""


class RedriveCounts(Struct):
    """What became of the letters that were looked at."""

    looked_at: int = 0
    written: Counter[Kind] = field(default_factory=Counter)
    """Those that were written back; in a dry run, those that would be."""
    refused: Counter[Objection] = field(default_factory=Counter)
    not_chosen: int = 0
    left: int = 0
    """How many offsets of the run are left."""


def group_of_run(settings: Settings, name: str) -> str:
    """Returns the consumer group of a run."""
    return f"{settings.app_id}-redrive-{name}"


async def new_ranges(logs: Logs, topic: str, choice: Choice) -> Ranges:
    """Returns what a run that begins now looks at: up to the end offsets of now. Raises KafkaError."""
    # Letters are not always in the order of their times, so `until` bounds no log.
    return await logs.ranges(
        [topic], Span(since=choice.since, partition=choice.partition, first=choice.first, end=choice.end)
    )


def ranges_left(topic: str, choice: Choice, commits: Committed, group: str) -> Ranges:
    """Returns what is left of a run that began earlier. Partitions that the topic did not have then are no
    part of it.

    Raises CommandFailed if it began with another choice, or if the commits are no run's.
    """
    left: Ranges = {}
    for number, (offset, metadata) in commits.items():
        note = decode_run_note(metadata)
        if note is None:
            raise CommandFailed(
                f"the offsets of group {group} are not those of a run: give --run another name"
            )
        if note.choice != choice.digest():
            raise CommandFailed(
                "the run began with other filters: give the same ones, or give --run another name"
            )
        left[LogPartition(topic, number)] = offset, note.end
    return left


async def begin_run(logs: Logs, run: RunGroup, topic: str, choice: Choice) -> Ranges:
    """Returns what is left of the run, and keeps its ends with the group if it begins now. Raises as
    `ranges_left`, and KafkaError."""
    if commits := await run.committed():
        return ranges_left(topic, choice, commits, run.group)
    ranges = await new_ranges(logs, topic, choice)
    if ranges:
        await run.commit({log.partition: noted(first, end, choice) for log, (first, end) in ranges.items()})
    return ranges


def noted(offset: int, end: int, choice: Choice) -> tuple[int, str]:
    """Returns a commit of the run."""
    return offset, RunNote(end, choice.digest()).encode()


class Redrive:
    """One process's part of a run, or a dry run."""

    def __init__(self, settings: Settings, choice: Choice, ranges: Ranges, progress: ProgressLine) -> None:
        self.counts = RedriveCounts()
        self._settings = settings
        self._choice = choice
        self._ranges = ranges
        self._positions = {log: first for log, (first, _end) in ranges.items()}
        self._progress = progress
        self._partitions: dict[str, int] = {}

    async def count(self, session: ReadSession) -> None:
        """Counts what would be written back. Raises KafkaError."""
        async with aclosing(session.read(self._ranges)) as batches:
            async for batch in batches:
                for record in batch.records:
                    self._chosen(record)
                self._progress.add(len(batch.records))
        self._end()

    async def write(
        self, session: ReadSession, run: RunGroup, writer: TopicWriter, rate: RateLimit, limit: int | None
    ) -> None:
        """Writes letters back, up to `limit` of them, and commits each batch when it is acknowledged.

        Raises CommandFailed if a topic cannot be written, or if another process goes on with the run, and
        KafkaError. What is not committed then is done again by the next process.
        """
        size = min(BATCH_LETTERS, rate.batch)
        async with aclosing(session.read(self._ranges)) as batches:
            async for log, records, _producer in batches:
                start = 0
                while start < len(records):
                    room = sys.maxsize if limit is None else limit - self.counts.written.total()
                    if room <= 0:
                        self._end()
                        return
                    start += await self._write(log, records[start : start + size], run, writer, rate, room)
        # The last offsets of a log may have no record.
        await run.commit(
            {log.partition: noted(end, end, self._choice) for log, (_first, end) in self._ranges.items()}
        )
        self._positions = {log: end for log, (_first, end) in self._ranges.items()}
        self._end()

    async def _write(
        self,
        log: LogPartition,
        records: Sequence[Record],
        run: RunGroup,
        writer: TopicWriter,
        rate: RateLimit,
        room: int,
    ) -> int:
        """Returns how many of the records are looked at: until `room` letters are chosen."""
        letters: list[KeptLetter] = []
        looked_at = 0
        for record in records:
            if len(letters) == room:
                break
            looked_at += 1
            if letter := self._chosen(record):
                letters.append(letter)
        await rate.wait(len(letters))
        await run.own()
        if letters:
            refused = await writer.write([await self._back(letter) for letter in letters])
            for index in refused:
                letter = letters[index]
                self.counts.written[_kind(letter)] -= 1
                self.counts.refused["not_taken"] += 1
        position = records[looked_at - 1].offset + 1
        await run.commit({log.partition: noted(position, self._ranges[log][1], self._choice)})
        self._positions[log] = position
        self._progress.add(looked_at)
        return looked_at

    def _chosen(self, record: Record) -> KeptLetter | None:
        """Returns the letter if it is to be written back, and counts it in any case."""
        counts, choice = self.counts, self._choice
        counts.looked_at += 1
        letter = read_letter(record)
        if letter is None:
            counts.refused["not_a_dead_letter"] += 1
        elif not choice.takes(letter):
            counts.not_chosen += 1
        elif against := objection(letter, choice, self._settings, time.time_ns() // 1_000_000):
            counts.refused[against] += 1
        else:
            counts.written[_kind(letter)] += 1
            return letter
        return None

    async def _back(self, letter: KeptLetter) -> Outgoing:
        """Returns the record to write. The rights on its topic are asked for with the first letter of it."""
        topic = letter.topic
        if topic not in self._partitions:
            self._partitions |= await checked_partitions(self._settings, [], [topic])
        return back(letter, self._choice, self._partitions[topic])

    def _end(self) -> None:
        ends = {log: end for log, (_first, end) in self._ranges.items()}
        self.counts.left = sum(max(0, end - self._positions[log]) for log, end in ends.items())
        self._progress.end()


def letters_of(ranges: Mapping[LogPartition, tuple[int, int]]) -> int:
    """Returns how many letters there are to look at, at most."""
    return sum(max(0, end - first) for first, end in ranges.values())


def _kind(letter: KeptLetter) -> Kind:
    return letter.vendor, letter.reason, letter.detail
