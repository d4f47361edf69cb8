"""The workloads: what their bodies are, and that every peer gets records that it can map."""

from collections import Counter

import pytest

from app.cli.convert import Line
from app.outcome import Dead, Emit
from app.vendors import VENDORS, Options, convert
from tests.tools.bench.peers.systems import SYSTEMS
from tests.tools.bench.peers.workloads import WORKLOADS, Body

pytestmark = pytest.mark.untraced

RECORDED_MS = 1_735_689_600_000
COUNT = 4_000


def outcome_of(body: Body) -> object:
    return convert(VENDORS[body.vendor], Line(0, RECORDED_MS, [], body.value), "bodies/0", Options())


@pytest.mark.parametrize("name", WORKLOADS)
def test_no_body_of_a_workload_is_dead_and_its_vendors_are_those_it_names(name: str) -> None:
    workload = WORKLOADS[name]
    bodies = list(workload.bodies(COUNT))
    assert {body.vendor for body in bodies} == set(workload.vendors)
    assert not any(isinstance(outcome_of(body), Dead) for body in bodies)


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_longer_run_begins_with_the_bodies_of_a_shorter_one(name: str) -> None:
    workload = WORKLOADS[name]
    assert list(workload.bodies(3_000))[:1_100] == list(workload.bodies(1_100))


@pytest.mark.parametrize("name", WORKLOADS)
def test_the_number_of_users_can_be_chosen(name: str) -> None:
    keys = {body.key for body in WORKLOADS[name].bodies(COUNT, users=30)}
    assert keys == {b"%d" % user for user in range(30)}


@pytest.mark.parametrize(("name", "least", "most"), [("small", 280, 320), ("large", 8_000, 8_400)])
def test_bodies_have_the_size_that_the_workload_names(name: str, least: int, most: int) -> None:
    sizes = [len(body.value) for body in WORKLOADS[name].bodies(COUNT)]
    assert least <= sum(sizes) / COUNT <= most


def test_each_event_comes_twice_and_not_one_after_the_other() -> None:
    bodies = [body.value for body in WORKLOADS["repeats"].bodies(COUNT)]
    assert set(Counter(bodies).values()) == {2}
    assert bodies[:1_000] == bodies[1_000:2_000]
    assert len(set(bodies[:1_000])) == 1_000


def test_hot_users_of_a_million_have_most_events_and_many_others_have_some() -> None:
    ranked = Counter(body.key for body in WORKLOADS["skew"].bodies(30_000)).most_common()
    hot = sum(count for _, count in ranked[:5_000])
    assert 0.55 < hot / 30_000 < 0.75
    assert len(ranked) > 10_000
    # The user of rank 1 has ln(2) / ln(1,000,001) of the events.
    assert 0.04 < ranked[0][1] / 30_000 < 0.06


def test_in_the_mix_a_user_has_several_kinds_of_events() -> None:
    kinds: dict[tuple[str, bytes], set[str]] = {}
    for body in WORKLOADS["mix"].bodies(COUNT, users=10):
        outcome = outcome_of(body)
        for event in outcome.events if isinstance(outcome, Emit) else ():
            kinds.setdefault((body.vendor, body.key), set()).add(event.type)
    assert len(kinds) == 50
    assert all(len(each) > 1 for each in kinds.values())


def test_java_takes_every_workload_of_selfcommunity_and_python_takes_all() -> None:
    takers = {
        system.name: [w.name for w in WORKLOADS.values() if set(w.vendors) <= set(system.vendors)]
        for system in SYSTEMS
    }
    assert takers["streams"] == [name for name in WORKLOADS if name != "mix"]
    assert takers["quix"] == list(WORKLOADS)
