"""Who of a run's group gets its partitions."""

from collections.abc import Sequence
from itertools import permutations
from typing import Any, NamedTuple

from aiokafka import TopicPartition
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment

from app.tools.redrives.run_group import FirstTakesAll


class Cluster(NamedTuple):
    numbers: Sequence[int] | None

    def partitions_for_topic(self, _topic: str) -> Sequence[int] | None:
        return self.numbers


def assignor(given: list[list[TopicPartition]]) -> FirstTakesAll:
    return FirstTakesAll("dead", given.append)


def shares(members: dict[str, Any], numbers: Sequence[int] | None = (2, 0, 1)) -> dict[str, list[int]]:
    given = assignor([]).assign(Cluster(numbers), members)
    return {name: [each.partition for each in share.partitions()] for name, share in given.items()}


def test_the_first_one_has_all_partitions_whatever_the_names() -> None:
    first, second, third = (assignor([]).metadata(["dead"]) for _ in range(3))
    for one, two, three in permutations("abc"):
        assert shares({three: third, one: first, two: second}) == {one: [0, 1, 2], two: [], three: []}


def test_who_does_not_tell_since_when_it_is_there_is_the_last() -> None:
    ours = assignor([]).metadata(["dead"])
    for user_data in (None, b"", b"soon"):
        other = ours.__class__(0, ["dead"], user_data)
        assert shares({"a": other, "b": ours}) == {"a": [], "b": [0, 1, 2]}
    assert shares({"a": ours}, None) == {"a": []}


def test_it_knows_what_it_has_while_the_group_is_settled() -> None:
    told: list[list[TopicPartition]] = []
    member = assignor(told)
    assert not member.settled.is_set()
    for joins, numbers in enumerate(([0, 1], [], [0, 1]), 1):
        member.metadata(["dead"])
        assert not member.settled.is_set()
        shared = [("dead", numbers)] if numbers else []
        member.on_assignment(ConsumerProtocolMemberAssignment(0, shared, b""))
        assert member.settled.is_set()
        assert (member.has_all, member.joins) == (bool(numbers), joins)
        assert told[-1] == [TopicPartition("dead", number) for number in numbers]
