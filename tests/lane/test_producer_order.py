import pytest

from app.lane.order import DispatchOrder, OutOfOrder


def test_offsets_of_a_partition_grow_within_a_generation() -> None:
    order = DispatchOrder()
    order.enter("canonical", 0, 0, 9, generation=1)
    order.enter("canonical", 1, 0, 3, generation=1)
    order.enter("canonical", 0, 12, 12, generation=1)  # a hole is the business of the continuity check
    with pytest.raises(OutOfOrder, match=r"canonical/0 10-11 of generation 1 came after offset 12"):
        order.enter("canonical", 0, 10, 11, generation=1)


def test_a_new_generation_reads_again_what_was_not_committed() -> None:
    order = DispatchOrder()
    order.enter("canonical", 0, 0, 9, generation=1)
    order.enter("canonical", 0, 5, 9, generation=2)
    with pytest.raises(OutOfOrder, match="of generation 1 came after offset 9 of generation 2"):
        order.enter("canonical", 0, 20, 29, generation=1)
