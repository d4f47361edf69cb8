"""What health, the gauges, the watchdog and the producers ask of a consumer. Nothing here changes it."""

from math import inf
from time import monotonic

from app.engine.consumer.assignment import AssignmentState
from app.engine.consumer.client_thread import ClientThread
from app.engine.consumer.fetch_loop import FetchLoop
from app.engine.consumer.lag import NextRecord
from app.engine.slices import Partition
from app.engine.watchdog.stall_detector import Progress


class ConsumerHealth:
    """Of one consumer. All methods must be called in the event loop."""

    def __init__(self, state: AssignmentState, client: ClientThread, fetch_loop: FetchLoop) -> None:
        self._state = state
        self._client = client
        self._fetch_loop = fetch_loop

    def last_heartbeat_age(self) -> float:
        """Returns the seconds since the last heartbeat that the group coordinator answered was sent; `inf`
        before the first."""
        last = self._client.membership.last_heartbeat
        return monotonic() - last if last else inf

    def progress(self, writes: float) -> Progress:
        """Returns what the watchdog checks. `writes` is the age of the oldest unacknowledged write in
        seconds."""
        slice_ = self._state.offsets.least_moved()
        # A fetch that begins while the group rebalances waits for its end, however long this worker is kept
        # out of its group.
        fetch = None if self.group_problem else self._fetch_loop.began
        return Progress(
            slice=slice_,
            moved_at=0.0 if slice_ is None else slice_.moved_at,
            fetch=fetch,
            writes=writes,
            absence=self._client.membership.absence(),
        )

    @property
    def group_problem(self) -> str | None:
        """What keeps this worker out of its group, or None. It tries again until it is in."""
        return self._client.membership.problem

    def loop_silence(self) -> float:
        """Returns for how many seconds the loop of the client's thread has not answered. It is asked by this
        call, so it must be called again and again."""
        return self._client.unanswered()

    def group_silence(self) -> float:
        """Returns for how many seconds the group has not answered, although brokers answer and no cause was
        said; otherwise 0.0."""
        return self._client.membership.silence()

    def commit_age(self) -> float:
        """Returns the seconds since the oldest slice that is not committed was dispatched; 0.0 if there is
        none."""
        oldest = self._state.offsets.oldest_uncommitted()
        return 0.0 if oldest is None else monotonic() - oldest.dispatched_at

    def next_records(self) -> dict[Partition, NextRecord]:
        """Returns the next record of each assigned partition that is not committed, but for changelogs."""
        return self._state.next_records()

    def paused(self) -> set[Partition]:
        """Returns the partitions of which nothing is handled before an operator resumes them, or before they
        are assigned again."""
        return self._state.paused.stopped()

    def held_back(self) -> dict[Partition, float]:
        """Returns the partitions in which an open transaction holds records back, each with the seconds for
        which the same one has done so."""
        return self._fetch_loop.open_transactions.seconds(monotonic())

    def long_held_back(self) -> list[Partition]:
        """Returns the partitions in which the same one has done so for more than 60 s."""
        return self._fetch_loop.open_transactions.long(monotonic())

    @property
    def settled(self) -> bool:
        """Whether nothing is in flight or left to commit. The process may then end, and nothing is
        repeated."""
        return not self._state.in_flight and not self._state.committable()
