"""A model of what Faust and aiokafka do around the desk, in steps of one event each.

Everything that can happen at another time in a real worker is a method of its own here: a fetch takes its
ticket, the consumer's thread takes records and moves its position, the result comes back partition by
partition; a seek is read, carried out and reported.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from app.lane.desk import PartitionDesk, Reception
from app.lane.offsets import Flight
from app.lane.slices import Partition
from tests.lane.broker_model import PARTITIONS, ModelBroker


@dataclass
class Fetch:
    ticket: int
    partitions: set[Partition]
    taken: deque[tuple[Partition, int, int]] | None = None
    """Partition, first and last offset; None until the consumer's thread has taken records."""


@dataclass
class ModelMember:
    """One worker: aiokafka's positions, Faust's order of calls, the agents' queue."""

    broker: ModelBroker
    desk: PartitionDesk
    assigned: set[Partition] = field(default_factory=set)
    position: dict[Partition, int] = field(default_factory=dict)
    queue: deque[Flight] = field(default_factory=deque)
    begun: list[Flight] = field(default_factory=list)
    next_to_handle: dict[Partition, int] = field(default_factory=dict)
    fetch: Fetch | None = None
    rewinding: dict[Partition, int] | None = None
    seeking: dict[Partition, int] | None = None
    committing: dict[Partition, int] | None = None
    committing_notes: dict[Partition, str] = field(default_factory=dict)
    noted: dict[Partition, str] = field(default_factory=dict)
    """The notes that were read with the offsets of a seek."""
    holding: dict[Partition, str] = field(default_factory=dict)
    """What has to be held."""
    stage: str = "joining"
    may_gap: set[Partition] = field(default_factory=set)
    """Partitions of which records were lost in a way that nobody foresaw."""
    expelled: bool = False
    given_up: bool = False

    # -- fetching

    def start_fetch(self, partitions: set[Partition]) -> bool:
        if self.fetch is None and self.rewinding is None:
            self.rewinding = self.desk.rewinds() or None
        ticket = self.desk.start_fetch()
        if self.fetch is not None or self.rewinding is not None or ticket is None:
            return False
        room = self.desk.fetchable(partitions & self.assigned)
        if room:
            self.fetch = Fetch(ticket, room)
        return bool(room)

    def take_records(self, limit: int) -> bool:
        """In the consumer's thread: records leave aiokafka and the position moves past them."""
        if self.fetch is None or self.fetch.taken is not None or self.stage == "joining":
            return False
        taken: deque[tuple[Partition, int, int]] = deque()
        for partition in sorted(self.fetch.partitions & self.assigned):
            first = max(self.position[partition], self.broker.start[partition])
            last = min(first + limit, self.broker.end[partition]) - 1
            if last >= first:
                taken.append((partition, first, last))
                self.position[partition] = last + 1
        self.fetch.taken = taken
        return True

    def receive(self) -> bool:
        """The loop gets the next partition of the result, or ends the fetch with its rewinds."""
        if self.fetch is None or self.fetch.taken is None:
            return False
        if self.fetch.taken:
            partition, first, last = self.fetch.taken.popleft()
            reception, flight = self.desk.receive(self.fetch.ticket, partition, first, last)
            if reception is Reception.REREAD:
                self._check_gap(partition)
            if flight is not None:
                self.may_gap.discard(partition)
                self.queue.append(flight)
        else:
            self.fetch = None
            self.rewinding = self.desk.rewinds() or None
        return True

    def lose_fetch(self) -> None:
        """Faust or aiokafka loses what was taken, in a way that nobody foresaw; not twice in a row."""
        if self.fetch is None or self.fetch.taken is None or self.rewinding is not None:
            return
        lost = {partition for partition, _, _ in self.fetch.taken}
        if not lost & self.may_gap:
            self.may_gap |= lost
            self.fetch = None

    def _check_gap(self, partition: Partition) -> None:
        # The continuity check is a net: gate and rewinds alone have to do in every foreseen schedule.
        expired = (self.desk.continuity.expected(partition) or 0) < self.broker.start[partition]
        assert expired or partition in self.may_gap, f"{partition}: a gap that nothing explains"

    def rewind(self) -> bool:
        if self.rewinding is None:
            return False
        self._set_positions(self.rewinding)
        self.rewinding = None
        return True

    def whole_fetch(self, partitions: set[Partition], limit: int) -> None:
        """As it goes when nothing comes between."""
        if not self.start_fetch(partitions):
            self.rewind()
            self.start_fetch(partitions)
        self.take_records(limit)
        while self.receive():
            pass

    # -- agents

    def begin_all(self) -> None:
        while self.begin():
            pass

    def begin(self) -> bool:
        if not self.queue:
            return False
        flight = self.queue.popleft()
        if self.desk.begin(flight):
            self._check_order(flight)
            self.next_to_handle[flight.partition] = flight.last + 1
            for offset in range(flight.first, flight.last + 1):
                self.broker.handle(flight.partition, offset)
            self.begun.append(flight)
            if self.expelled:
                self.broker.excuse([flight.partition])
        return True

    def hold(self, note: str) -> bool:
        """The agent finds that nothing of the next slice should be written."""
        if not self.queue:
            return False
        flight = self.queue.popleft()
        if self.desk.begin(flight):
            self._check_order(flight)
            topic = flight.partition[0]
            self.holding |= {partition: note for partition in self.assigned if partition[0] == topic}
            self.desk.hold(flight, note)
        return True

    def release(self, topic: str) -> None:
        """The operator says so."""
        for partition in self.desk.release(topic):
            del self.holding[partition]

    def acknowledge(self, index: int) -> bool:
        if not self.begun:
            return False
        flight = self.begun.pop(index % len(self.begun))
        for offset in range(flight.first, flight.last + 1):
            self.broker.durable.add((flight.partition, offset))
        self.desk.done(flight)
        return True

    def _check_order(self, flight: Flight) -> None:
        assert flight.partition not in self.holding, f"{flight} handled although it is held"
        expected = self.next_to_handle[flight.partition]
        gone = flight.first > expected and flight.first <= self.broker.start[flight.partition]
        assert flight.first == expected or gone, f"{flight} handled where {expected} was next"

    # -- commits

    def commit(self) -> bool:
        """The request reaches the broker."""
        if self.committing is not None or not self.desk.committable():
            return False
        self.committing, self.committing_notes = self.desk.committable(), dict(self.desk.held)
        if not self.expelled:
            for partition, offset in self.committing.items():
                self.broker.commit(partition, offset, self.committing_notes.get(partition, ""))
        return True

    def commit_answered(self) -> bool:
        if self.committing is None:
            return False
        if self.expelled:
            self.given_up = True
        else:
            self.desk.committed(self.committing, self.committing_notes)
        self.committing = None
        return True

    def expel(self) -> None:
        """The session ends without the member knowing it; not while the answer to a commit is open,
        which would only blur what the broker has taken."""
        if self.committing is None and not self.expelled:
            self.expelled = True
            self.broker.excuse(self.assigned)

    # -- rebalance: each step is one call of Faust's

    def revoke(self) -> bool:
        """A rebalance begins, whatever is under way."""
        if self.stage in ("joining", "draining", "drained"):
            return False
        self.stage = "draining"
        self.desk.close()
        return True

    def advance(self, assignment: set[Partition]) -> bool:
        """The next step from a revoke to the open gate; False if it has to wait, or none is due."""
        steps: dict[str, Callable[[], bool]] = {
            "draining": self._drain,
            "drained": self._commit_and_forget,
            "joining": lambda: self._join(assignment),
            "assigned": self._resume_before_seek,
            "resumed": self._read_offsets,
            "reading": self._seek,
            "seeking": self._sought,
            "sought": self._resume,
        }
        return steps[self.stage]() if self.stage in steps else False

    def _drain(self) -> bool:
        if self.desk.in_flight:
            return False
        self.stage = "drained"
        return True

    def _commit_and_forget(self) -> bool:
        if self.committing is not None:
            return False
        if self.desk.committable() and not self.given_up:
            self.commit()
            return True
        self.desk.forget(self.assigned)
        for partition in self.assigned:
            if not self.expelled:
                reached = self.next_to_handle.get(partition, 0)
                assert self.broker.next_offset(partition) >= reached, (
                    f"{partition} left {reached} uncommitted"
                )
                note = self.holding.get(partition, "")
                assert self.broker.notes.get(partition, "") == note, f"{partition} left without its note"
        self.holding = {}
        self.assigned = set()
        self.stage = "joining"
        return True

    def _join(self, assignment: set[Partition]) -> bool:
        if self.rewinding is not None or self.seeking is not None:  # calls of the thread are in order
            self.rewinding = self.seeking = None
        self.expelled = self.given_up = False
        self.may_gap.clear()
        self.assigned = set(assignment)
        self.position = {partition: self.broker.next_offset(partition) for partition in assignment}
        self.next_to_handle = dict(self.position)
        self.stage = "assigned"
        return True

    def _resume_before_seek(self) -> bool:
        self.stage = "resumed"
        return self._flow()

    def _read_offsets(self) -> bool:
        self.desk.begin_seek()
        self.seeking = {partition: self.broker.next_offset(partition) for partition in self.assigned}
        notes = self.broker.notes
        self.noted = {partition: notes[partition] for partition in self.assigned if notes.get(partition)}
        self.stage = "reading"
        return True

    def _seek(self) -> bool:
        assert self.seeking is not None
        self._set_positions(self.seeking)
        self.stage = "seeking"
        return True

    def _sought(self) -> bool:
        assert self.seeking is not None
        self.seeking = self.desk.sought(self.seeking)
        if not self.seeking:
            self.desk.remember(self.noted)
            self.holding = dict(self.noted)
        self.stage = "reading" if self.seeking else "sought"
        return True

    def _resume(self) -> bool:
        self.stage = "open"
        self.seeking = None
        return self._flow()

    def _flow(self) -> bool:
        self.queue.clear()  # Faust empties the agents' queues whenever the flow resumes
        self.desk.resume()
        return True

    def _set_positions(self, offsets: dict[Partition, int]) -> None:
        self.position.update({p: offset for p, offset in offsets.items() if p in self.assigned})


def run_to_rest(member: ModelMember) -> None:
    """Whatever has happened, the member gets everything handled and committed without help."""
    broker = member.broker
    for partition in PARTITIONS:
        broker.end[partition] += 1  # a fetch that nobody heard of is noticed when the next record comes
    for _ in range(2000):
        if member.expelled:
            member.revoke()
        for topic, _ in list(member.desk.held):
            member.release(topic)
        if member.stage == "open":
            for partition in set(PARTITIONS) - member.assigned:
                broker.work_of_others(partition, broker.end[partition])
        member.advance(set(PARTITIONS))
        member.rewind()
        member.start_fetch(set(PARTITIONS))
        member.take_records(5)
        member.receive()
        member.begin()
        member.acknowledge(0)
        member.commit()
        member.commit_answered()
        rest = all(max(broker.next_offset(p), broker.start[p]) == broker.end[p] for p in PARTITIONS)
        if member.stage == "open" and rest and not (member.queue or member.begun or member.committing):
            return
    left = {p: (broker.next_offset(p), broker.end[p]) for p in PARTITIONS}
    raise AssertionError(f"stuck in stage {member.stage}: committed and end are {left}")
