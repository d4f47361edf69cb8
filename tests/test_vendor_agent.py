"""A vendor's agent, without a broker: the parts that it makes of a slice, and when it pauses the vendor."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pytest

from app import slice_parts, state_agent, vendor_agent
from app.dead_letter_limit import DeadLetterLimit
from app.dead_letters import DeadLetterWriter
from app.engine import LARGE_BYTES, GroupCommitProducer, InThread, MoreRoom, Pause, Slice
from app.environment import load
from app.metrics import OTHER_FIELD, Metrics
from app.topics import OutputTopic
from app.vendor_agent import VendorAgent
from app.vendors import VENDORS, Options
from tests.agents import parts_of
from tests.test_metrics import fields
from tests.tools.faults.mutations import MUTATIONS
from tests.vendors.records import MAGINE_BODY, NOON

DEAD_BODY = b"{"
FAN_OUT = b'{"event":"user.didUpdate","data":{"users":[%s]}}'


class Line(NamedTuple):
    offset: int
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()
    timestamp: int = NOON
    key: bytes | None = None


class Written:
    """Stands in for the producer: it keeps the topics and values of what is appended."""

    def __init__(self) -> None:
        self.records: list[tuple[str, bytes]] = []

    def append(self, topic: str, _partition: int, _key: bytes, value: bytes, **_: Any) -> None:
        self.records.append((topic, value))


class Bench:
    def __init__(self, vendor: str = "magine", *, share: float = 1.0, window: int = 1_000) -> None:
        self.written, self.metrics = Written(), Metrics()
        topic = OutputTopic("dead", 3, 4 << 20)
        self.agent = VendorAgent(
            VENDORS[vendor],
            Options(),
            self.written,  # type: ignore[arg-type]
            OutputTopic("events", 3, 4 << 20),
            DeadLetterWriter(self.written, topic, "rollcall"),  # type: ignore[arg-type]
            DeadLetterLimit(share, window),
            self.metrics,
        )
        self.pause: Pause | None = None
        self.parts: list[int] = []
        """How many records had been appended at the end of each part."""

    def handle(self, bodies: Sequence[bytes], between: Callable[[], object] = lambda: None) -> None:
        slice_ = Slice("vendor", 0, [Line(10 + offset, body) for offset, body in enumerate(bodies)])
        for part in list(self._parts(slice_, between)):
            assert not part.settle()
            part.count()

    def _parts(self, slice_: Slice, between: Callable[[], object]) -> Any:
        for part in parts_of(self.agent, slice_, between):
            if isinstance(part, Pause):
                self.pause = part
            else:
                self.parts.append(len(self.written.records))
                yield part

    def counted(self) -> tuple[float, dict[str, int]]:
        received = self.metrics.received.labels("magine")._value.get()
        samples = [each for family in self.metrics.records.collect() for each in family.samples]
        outcomes: Counter[str] = Counter()
        for sample in samples:
            if sample.name.endswith("_total") and sample.value:
                outcomes[sample.labels["outcome"]] += int(sample.value)
        return received, dict(outcomes)


def test_a_usual_slice_is_one_part() -> None:
    bench = Bench()
    bench.handle([MAGINE_BODY, DEAD_BODY, MAGINE_BODY])
    assert bench.parts == [3]
    assert [topic for topic, _ in bench.written.records] == ["events", "events", "dead"]
    assert bench.counted() == (3, {"emit": 2, "dead": 1})


@pytest.mark.parametrize("body", [MAGINE_BODY, DEAD_BODY], ids=["event", "dead letter"])
def test_a_part_ends_when_its_outputs_have_enough_bytes(monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    monkeypatch.setattr(vendor_agent, "PART_BYTES", 4_500)
    bench = Bench()
    bench.handle([body] * 50)
    assert len(bench.parts) > 1
    assert bench.parts[-1] == 50
    assert bench.counted()[0] == 50


def test_a_part_ends_when_it_has_taken_long_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slice_parts, "PART_SECONDS", 0.0)
    monkeypatch.setattr(vendor_agent, "_ASK_EVERY", 1)
    bench = Bench()
    bench.handle([MAGINE_BODY, DEAD_BODY, MAGINE_BODY])
    assert bench.parts == [1, 2, 3]
    assert bench.counted() == (3, {"emit": 2, "dead": 1})


def test_records_keep_their_order_over_the_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slice_parts, "PART_SECONDS", 0.0)
    monkeypatch.setattr(vendor_agent, "_ASK_EVERY", 1)
    bench = Bench()
    bench.handle([MAGINE_BODY] * 5)
    origins = [value.partition(b'"origin":"')[2].partition(b'"')[0] for _, value in bench.written.records]
    assert origins == [b"vendor/0/%d" % (10 + offset) for offset in range(5)]


def test_a_large_record_is_mapped_in_a_thread_and_not_together_with_others() -> None:
    bench, large = Bench("amity"), FAN_OUT % b",".join([b'{"userId":1}'] * (LARGE_BYTES // 12))
    slice_ = Slice("vendor", 0, [Line(0, DEAD_BODY), Line(1, large), Line(2, DEAD_BODY)])
    steps = bench.agent.process(slice_)
    assert hasattr(next(steps), "count")
    call = next(steps)
    assert isinstance(call, InThread)
    assert len(bench.written.records) == 1, "nothing is kept while the slice waits for the thread"
    thread = threading.Thread(target=call.call)
    thread.start()
    thread.join()
    rest = list(steps)
    pieces = [step for step in rest if isinstance(step, MoreRoom)]
    assert len(pieces) > 10, "many events are appended in pieces"
    assert len(rest) == len(pieces) + 2
    assert len(bench.written.records) == 2 + LARGE_BYTES // 12


def test_a_record_with_very_many_headers_is_mapped_in_a_thread() -> None:
    bench = Bench()
    many = [(f"h{number}", b"") for number in range(2_000)]
    steps = bench.agent.process(Slice("vendor", 0, [Line(0, DEAD_BODY, many)]))
    assert isinstance(next(steps), InThread)


def test_a_vendor_is_paused_before_the_dead_letters_of_the_part_are_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(slice_parts, "PART_SECONDS", 0.0)
    monkeypatch.setattr(vendor_agent, "_ASK_EVERY", 1)
    bench = Bench(share=0.5, window=4)
    bench.handle([MAGINE_BODY, MAGINE_BODY, DEAD_BODY, DEAD_BODY, DEAD_BODY, MAGINE_BODY])
    # The fifth record is the third dead one of the last four.
    assert bench.pause == Pause("dead letters up to 0/15", 14)
    assert [topic for topic, _ in bench.written.records] == ["events", "events", "dead", "dead"]
    assert bench.counted() == (4, {"emit": 2, "dead": 2})


def test_a_vendor_is_paused_before_anything_of_its_slice_is_written_if_that_is_one_part() -> None:
    bench = Bench(share=0.5, window=4)
    bench.handle([MAGINE_BODY, DEAD_BODY, DEAD_BODY, DEAD_BODY])
    assert bench.pause == Pause("dead letters up to 0/14", 10)
    assert bench.written.records == []
    assert bench.parts == []


def test_large_bodies_are_not_searched_for_names_that_no_mapper_reads() -> None:
    bench = Bench()
    unread = MAGINE_BODY[:-2] + b',"%s":[%s]}}'
    bench.handle([unread % (b"large", b",".join([b'"x"'] * LARGE_BYTES))])
    assert fields(bench.metrics) == {}
    bench.handle([unread % (b"small", b"")])
    assert fields(bench.metrics) == {("magine", "small"): 1}


def bounds_hold() -> bool:
    """Returns whether the parts of a slice of large and of usual records are bounded in bytes and time."""
    large = FAN_OUT % b",".join([b'{"userId":1,"displayName":"%s"}' % (b"x" * 10_000)] * 20)
    bodies = [large, *[FAN_OUT % b'{"userId":1}'] * 20]
    bench = Bench("amity")
    slice_ = Slice("vendor", 0, [Line(offset, body) for offset, body in enumerate(bodies)])
    parts = list(parts_of(bench.agent, slice_))
    first = next(bench.agent.process(slice_))
    return len(parts) > 2 and isinstance(first, InThread)


@pytest.mark.parametrize("mutant", [None, "slice bound off", "budget off"])
def test_a_missing_bound_is_seen(monkeypatch: pytest.MonkeyPatch, mutant: str | None) -> None:
    # What a mutation replaces is restored after the test.
    for owner, name in (
        *((slice_parts, name) for name in ("PART_SECONDS", "LARGE_BYTES")),
        *((state_agent, name) for name in ("_PART_BYTES", "LARGE_BYTES")),
        (vendor_agent, "_MANY_HEADERS"),
        (GroupCommitProducer, "_is_full"),
    ):
        monkeypatch.setattr(owner, name, getattr(owner, name))
    monkeypatch.setattr(vendor_agent, "PART_BYTES", 1_000)
    if mutant is not None:
        MUTATIONS[mutant](load({}))
    assert bounds_hold() is (mutant is None)


def test_the_names_of_events_that_nobody_maps_are_counted_in_a_sample() -> None:
    bench = Bench()
    poll, renamed = b'{"type":"poll.voted"}', b'{"type":"user.renamed"}'
    bench.handle([MAGINE_BODY] + [poll] * 33 + [renamed] * 31 + [b'{"type":"ada@example.com.x"}'])
    bench.handle([b'{"type":"user9182.renamed"}'])
    names = {
        sample.labels["event"]: sample.value
        for family in bench.metrics.events_not_mapped.collect()
        for sample in family.samples
        if sample.name.endswith("_total")
    }
    assert names == {"poll.voted": 2, OTHER_FIELD: 2}
    dead = bench.metrics.dead_letters.labels("magine", "unknown_event")._value.get()
    assert dead == bench.counted()[1]["dead"]
