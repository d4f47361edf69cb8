"""When an open transaction holds a partition back, and for how long it has done so."""

import pytest

from app.engine.consumer.fetched import Marks
from app.engine.consumer.open_transactions import OpenTransactions
from app.engine.slices import Partition

HERE: Partition = ("source", 0)
THERE: Partition = ("source", 1)


def test_one_transaction_is_long_after_a_minute() -> None:
    seen = OpenTransactions()
    seen.observe(THERE, Marks(5, 5, 9), 40.0)
    seen.observe(HERE, Marks(5, 5, 9), 10.0)
    seen.observe(HERE, Marks(5, 5, 12), 30.0)  # more records come after the first of the transaction
    assert seen.seconds(70.0) == {HERE: 60.0, THERE: 30.0}
    assert seen.long(70.0) == []
    assert seen.long(70.5) == [HERE]


def test_many_short_transactions_are_no_long_one() -> None:
    seen = OpenTransactions()
    for second in range(300):
        seen.observe(HERE, Marks(second, second, second + 2), second)
    assert seen.seconds(300.0) == {HERE: 1.0}


@pytest.mark.parametrize(
    "marks",
    [
        Marks(9, 9, 9),  # it has ended
        Marks(4, 5, 9),  # there are records to read before it
        Marks(5, -1, 9),  # the reader does not wait for transactions
        Marks(5, None, None),  # the broker has not answered yet
    ],
)
def test_nothing_is_held_back(marks: Marks) -> None:
    seen = OpenTransactions()
    seen.observe(HERE, Marks(5, 5, 9), 0.0)
    seen.observe(HERE, marks, 1.0)
    assert seen.seconds(100.0) == {}
    assert seen.long(100.0) == []


def test_a_revoked_partition_is_forgotten() -> None:
    seen = OpenTransactions()
    seen.observe(HERE, Marks(5, 5, 9), 0.0)
    seen.observe(THERE, Marks(5, 5, 9), 0.0)
    seen.forget([HERE])
    assert seen.long(100.0) == [THERE]
