"""How agents go through slices, how the process ends, and what is counted and timed."""

import asyncio
import logging
import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Generator, Iterable
from functools import partial
from importlib.metadata import PackageNotFoundError
from typing import Any, NamedTuple, NoReturn

import pytest

from app.engine import EXIT_PROTECT, InThread, MoreRoom, Partition, Pause, Slice, Step, die, run_slices
from app.engine.consumer.offset_tracker import OffsetTracker
from app.engine.fatal import before_exit, refuse
from app.errors import UnsupportedVersion
from app.versions import PINNED, check_versions
from tests.waiting import GIVE_UP_SECONDS

ONE_PART = ["room", "appended 7.0", "room", "flushed", "counted 7", "acknowledged 7"]
"""What `run_slices` does with a slice of one part."""


class Died(BaseException):
    """In place of the end of the process."""


def dying(reason: str) -> NoReturn:
    raise Died(reason)


class Line(NamedTuple):
    offset: int
    timestamp: int = 0
    key: bytes | None = None
    value: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


class Stream:
    """The part of a Faust stream that `run_slices` uses."""

    def __init__(self, *slices: Slice, should_stop: bool = False) -> None:
        self._slices = slices
        self.app = self
        self.should_stop = should_stop

    async def __aiter__(self) -> AsyncIterator[Slice]:
        for each in self._slices:
            yield each


class Consumer:
    """The part of the consumer that `run_slices` uses. It remembers what it was told."""

    def __init__(self, *taken_back: Slice) -> None:
        self._taken_back = taken_back
        self._turns: defaultdict[Partition, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._thread = asyncio.Lock()
        self.told: list[str] = []
        self.waiting: set[Slice] = set()

    def turn(self, partition: Partition) -> asyncio.Lock:
        return self._turns[partition]

    def thread(self) -> asyncio.Lock:
        return self._thread

    def begin(self, slice_: Slice) -> bool:
        return slice_ not in self._taken_back

    def moves(self, slice_: Slice, *, waits: bool = False) -> None:
        (self.waiting.add if waits else self.waiting.discard)(slice_)

    def pause(self, slice_: Slice, reason: str, offset: int) -> None:
        self.told.append(f"paused {slice_.first} at {offset}: {reason}")

    def acknowledge(self, slice_: Slice) -> None:
        self.told.append(f"acknowledged {slice_.first}")


class Producer:
    """The part of the producer that `run_slices` uses."""

    def __init__(self, told: list[str]) -> None:
        self.told = told

    async def room(self) -> None:
        self.told.append("room")
        await asyncio.sleep(0)

    async def flush(self) -> None:
        self.told.append("flushed")
        await asyncio.sleep(0)


class Agent:
    """Yields `parts` parts of a slice, and then what `then` yields. The first part appends something
    `settles` times when it is settled."""

    def __init__(
        self,
        told: list[str],
        *,
        parts: int = 1,
        settles: int = 0,
        then: Callable[[Slice], Iterable[Step]] = lambda _: (),
    ) -> None:
        self.told = told
        self._parts = parts
        self._settles = settles
        self._then = then

    def process(self, slice_: Slice) -> Generator[Step, Any, None]:
        for number in range(self._parts):
            self.told.append(f"appended {slice_.first}.{number}")
            yield ToldPart(self.told, slice_, 0 if number else self._settles)
        yield from self._then(slice_)


class ToldPart:
    def __init__(self, told: list[str], slice_: Slice, settles: int) -> None:
        self._told = told
        self._slice = slice_
        self._settles = settles

    def settle(self) -> bool:
        self._settles -= 1
        return self._settles >= 0

    def count(self) -> None:
        self._told.append(f"counted {self._slice.first}")


def slice_at(first: int, partition: int = 3) -> Slice:
    return Slice("t", partition, [Line(first), Line(first + 2)])


class TestRunSlices:
    async def test_a_slice_is_acknowledged_after_it_was_handled(self) -> None:
        consumer = Consumer()
        producer = Producer(consumer.told)
        await run_slices(Stream(slice_at(7)), Agent(consumer.told), consumer, producer, die=dying)
        assert consumer.told == ONE_PART
        assert not consumer.waiting

    async def test_what_answers_demand_is_written_before_the_slice_is_acknowledged(self) -> None:
        consumer = Consumer()
        agent = Agent(consumer.told, parts=2, settles=2)
        await run_slices(Stream(slice_at(7)), agent, consumer, Producer(consumer.told), die=dying)
        rest = ["flushed", "flushed", "flushed", "counted 7", "counted 7", "acknowledged 7"]
        assert consumer.told == ["room", "appended 7.0", "room", "appended 7.1", "room", *rest]

    async def test_parts_of_one_partition_never_interleave_and_those_of_others_may(self) -> None:
        consumer = Consumer()
        agent, producer = Agent(consumer.told, parts=3), Producer(consumer.told)
        streams = [Stream(slice_at(0)), Stream(slice_at(10)), Stream(slice_at(20, partition=4))]
        await asyncio.gather(*(run_slices(each, agent, consumer, producer, die=dying) for each in streams))
        appended = [line.removeprefix("appended ") for line in consumer.told if line.startswith("appended")]
        assert [line for line in appended if not line.startswith("20")] == [
            *("0.0", "0.1", "0.2"),
            *("10.0", "10.1", "10.2"),
        ]
        assert appended != sorted(appended, key=lambda line: line.partition(".")[0])

    async def test_a_slice_that_was_taken_back_is_passed_over(self) -> None:
        taken_back = slice_at(7)
        consumer = Consumer(taken_back)
        await run_slices(
            Stream(taken_back), Agent(consumer.told), consumer, Producer(consumer.told), die=dying
        )
        assert consumer.told == []

    async def test_a_slice_that_is_taken_back_while_it_waits_for_its_turn_is_passed_over(self) -> None:
        late = slice_at(9)
        consumer = Consumer(late)
        agent, producer = Agent(consumer.told), Producer(consumer.told)
        streams = [Stream(slice_at(7)), Stream(late)]
        await asyncio.gather(*(run_slices(each, agent, consumer, producer, die=dying) for each in streams))
        assert consumer.told == ONE_PART

    @pytest.mark.parametrize("problem", [ValueError("secret"), SystemExit(3), KeyboardInterrupt()])
    async def test_any_exception_ends_the_process_without_acknowledgement(
        self, problem: BaseException
    ) -> None:
        def fail(_: Slice) -> Iterable[Step]:
            raise problem

        consumer = Consumer()
        agent = Agent(consumer.told, parts=0, then=fail)
        with pytest.raises(Died) as died:
            await run_slices(Stream(slice_at(7)), agent, consumer, Producer(consumer.told), die=dying)
        assert consumer.told == ["room"]
        assert "t/3/7..9" in str(died.value)
        assert type(problem).__name__ in str(died.value)
        assert "secret" not in str(died.value)

    async def test_a_cancelled_slice_is_not_acknowledged_when_the_app_stops(self) -> None:
        consumer = Consumer()
        stream = Stream(slice_at(7), should_stop=True)
        with pytest.raises(asyncio.CancelledError):
            await run_slices(stream, Agent(consumer.told), consumer, Cancelled(consumer.told), die=dying)
        assert "acknowledged 7" not in consumer.told

    async def test_a_slice_that_is_cancelled_in_the_middle_of_work_ends_the_process(self) -> None:
        consumer = Consumer()
        with pytest.raises(Died):
            await run_slices(
                Stream(slice_at(7)), Agent(consumer.told), consumer, Cancelled(consumer.told), die=dying
            )
        assert "acknowledged 7" not in consumer.told

    async def test_a_slice_that_pauses_its_topic_is_not_acknowledged_and_the_next_one_is_handled(
        self,
    ) -> None:
        def pause(slice_: Slice) -> Iterable[Step]:
            yield Pause(f"why {slice_.first}", slice_.first)

        consumer = Consumer()
        agent = Agent(consumer.told, parts=0, then=pause)
        await run_slices(
            Stream(slice_at(7), slice_at(9)), agent, consumer, Producer(consumer.told), die=dying
        )
        assert consumer.told == ["room", "paused 7 at 7: why 7", "room", "paused 9 at 9: why 9"]

    async def test_a_slice_that_pauses_its_topic_in_the_middle_is_acknowledged_with_its_first_parts(
        self,
    ) -> None:
        def pause(slice_: Slice) -> Iterable[Step]:
            yield Pause("why", slice_.last)
            raise AssertionError("a slice that is paused ends there")

        consumer = Consumer()
        agent = Agent(consumer.told, then=pause)
        await run_slices(Stream(slice_at(7)), agent, consumer, Producer(consumer.told), die=dying)
        assert consumer.told == [
            *("room", "appended 7.0", "room", "paused 7 at 9: why"),
            *("flushed", "counted 7", "acknowledged 7"),
        ]

    async def test_other_tasks_run_in_the_middle_of_a_large_part(self) -> None:
        def large(slice_: Slice) -> Iterable[Step]:
            yield MoreRoom()
            yield MoreRoom()
            yield ToldPart(consumer.told, slice_, 0)

        consumer = Consumer()
        agent = Agent(consumer.told, parts=0, then=large)
        await run_slices(Stream(slice_at(7)), agent, consumer, Producer(consumer.told), die=dying)
        assert consumer.told == ["room", "room", "room", "room", "flushed", "counted 7", "acknowledged 7"]

    async def test_one_call_at_a_time_runs_in_a_thread_while_the_loop_turns(self) -> None:
        """The next call is made when what the last one has returned is appended."""
        loop_turned, running = threading.Event(), list[Slice]()

        def call(slice_: Slice) -> str:
            assert slice_ in consumer.waiting or loop_turned.wait(GIVE_UP_SECONDS)
            running.append(slice_)
            assert running == [slice_], "two calls at a time"
            assert threading.current_thread() is not threading.main_thread()
            return f"result {slice_.first}"

        class Threaded:
            def process(self, slice_: Slice) -> Generator[Step, Any, None]:
                for _ in range(2):
                    consumer.told.append((yield InThread(partial(call, slice_))))
                    yield MoreRoom()
                    running.remove(slice_)
                yield ToldPart(consumer.told, slice_, 0)

        consumer = Consumer()
        streams = [Stream(slice_at(first, partition=first)) for first in range(4)]
        asyncio.get_running_loop().call_soon(loop_turned.set)
        await asyncio.gather(
            *(run_slices(each, Threaded(), consumer, Producer([]), die=dying) for each in streams)
        )
        results = [line for line in consumer.told if line.startswith("result")]
        assert results == [f"result {first}" for first in range(4) for _ in range(2)]
        assert not consumer.waiting

    async def test_a_call_in_a_thread_that_fails_ends_the_process(self) -> None:
        def fail() -> None:
            raise ValueError("secret")

        consumer = Consumer()
        agent = Agent(consumer.told, parts=0, then=lambda _: [InThread(fail)])
        with pytest.raises(Died) as died:
            await run_slices(Stream(slice_at(7)), agent, consumer, Producer(consumer.told), die=dying)
        assert "ValueError" in str(died.value)
        assert "acknowledged 7" not in consumer.told


class Cancelled(Producer):
    async def flush(self) -> None:
        raise asyncio.CancelledError


def test_a_slice_says_where_it_lies() -> None:
    records = slice_at(7)
    assert (records.first, records.last, records.next_offset, len(records)) == (7, 9, 10, 2)


def test_dying_says_why_in_one_line_and_leaves_with_the_agreed_code(caplog: pytest.LogCaptureFixture) -> None:
    codes: list[int] = []

    def leave(code: int) -> NoReturn:
        codes.append(code)
        raise Died

    with caplog.at_level(logging.CRITICAL), pytest.raises(Died):
        die("a reason", leave=leave)
    assert codes == [EXIT_PROTECT]
    assert [record.getMessage() for record in caplog.records] == ["stopping to protect data: a reason"]


@pytest.mark.parametrize("here", [True, False])
def test_a_dying_loop_takes_its_last_steps_after_the_line_and_any_other_thread_none(
    caplog: pytest.LogCaptureFixture, here: bool
) -> None:
    order: list[object] = []

    def steps() -> None:
        order.append([record.getMessage() for record in caplog.records])
        raise ValueError("this text must not be seen")

    def leave(code: int) -> NoReturn:
        order.append(code)
        raise Died

    def end() -> None:
        with pytest.raises(Died):
            die("a reason", leave=leave)

    with caplog.at_level(logging.WARNING):
        before_exit(steps)
        if not here:
            other = threading.Thread(target=end)
            other.start()
            other.join()
            assert order == [EXIT_PROTECT]
            order.clear()
            caplog.clear()
        end()
    assert order == [["stopping to protect data: a reason"], EXIT_PROTECT]
    assert "the last steps failed: ValueError at " in caplog.text
    assert "this text must not be seen" not in caplog.text


def test_refusing_says_why_on_standard_error_and_leaves_with_the_agreed_code(
    capsys: pytest.CaptureFixture[str],
) -> None:
    codes: list[int] = []

    def leave(code: int) -> NoReturn:
        codes.append(code)
        raise Died

    said: list[tuple[str, str]] = []
    before_exit(lambda: said.append(capsys.readouterr()))
    with pytest.raises(Died):
        refuse("a reason", leave=leave)
    assert codes == [1]
    # The last steps come after the line.
    assert said == [("", "rollcall: a reason\n")]
    assert capsys.readouterr() == ("", "")


class TestVersions:
    def test_the_pinned_versions_are_accepted(self) -> None:
        check_versions(PINNED.__getitem__)

    @pytest.mark.parametrize("name", PINNED)
    def test_any_other_version_is_refused_with_one_line(self, name: str) -> None:
        with pytest.raises(UnsupportedVersion) as refused:
            check_versions({**PINNED, name: "99.0"}.__getitem__)
        assert str(refused.value) == f"{name} {PINNED[name]} is needed, found 99.0"

    def test_a_missing_library_is_refused(self) -> None:
        def missing(name: str) -> str:
            raise PackageNotFoundError(name)

        with pytest.raises(UnsupportedVersion, match="not installed"):
            check_versions(missing)


class TestAges:
    def test_ages_run_from_dispatch_to_acknowledgement_and_to_commit(self) -> None:
        tracker = OffsetTracker()
        first, second = tracker.dispatch(("t", 0), 0, 9, 100.0), tracker.dispatch(("t", 0), 10, 19, 103.0)
        assert tracker.oldest_in_flight() is tracker.oldest_uncommitted() is first
        assert first.dispatched_at == 100.0
        assert tracker.begin(first)
        assert tracker.begin(second)
        tracker.done(first)
        assert tracker.oldest_in_flight() is second
        assert tracker.oldest_uncommitted() is first
        tracker.committed({("t", 0): 10})
        assert tracker.oldest_uncommitted() is second
        tracker.done(second)
        tracker.committed({("t", 0): 20})
        assert tracker.oldest_in_flight() is None
        assert tracker.oldest_uncommitted() is None

    def test_the_oldest_of_all_partitions_counts(self) -> None:
        tracker = OffsetTracker()
        tracker.dispatch(("t", 0), 0, 9, 5.0)
        oldest = tracker.dispatch(("t", 1), 0, 9, 3.0)
        assert tracker.oldest_in_flight() is tracker.oldest_uncommitted() is oldest

    def test_what_was_taken_back_has_no_age(self) -> None:
        tracker = OffsetTracker()
        kept = tracker.dispatch(("t", 0), 0, 9, 1.0)
        assert tracker.begin(kept)
        tracker.dispatch(("t", 0), 10, 19, 1.0)
        tracker.dispatch(("t", 0), 20, 29, 1.0)
        assert len(tracker.take_back()) == 2
        tracker.done(kept)
        tracker.committed({("t", 0): 10})
        assert tracker.oldest_in_flight() is None
        assert tracker.oldest_uncommitted() is None

    def test_what_was_revoked_has_no_age(self) -> None:
        tracker = OffsetTracker()
        done = tracker.dispatch(("t", 0), 0, 9, 1.0)
        tracker.begin(done)
        tracker.done(done)
        tracker.dispatch(("t", 0), 10, 19, 1.0)
        tracker.forget([("t", 0)])
        assert tracker.oldest_uncommitted() is None
