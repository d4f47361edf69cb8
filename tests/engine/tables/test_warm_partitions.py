from app.engine.tables.warm_partitions import WarmPartitions


def test_rows_stay_over_consecutive_generations() -> None:
    warm = WarmPartitions()
    assert warm.assigned(1, {0, 1, 2}) == set()
    warm.restored({0, 1, 2})
    assert warm.assigned(2, {1, 2, 3}) == {0}
    assert warm.live() == {1, 2}
    warm.restored({3})
    assert warm.assigned(3, {1, 2, 3}) == set()
    assert warm.live() == {1, 2, 3}


def test_a_missed_generation_costs_all_rows() -> None:
    warm = WarmPartitions()
    warm.assigned(1, {0, 1})
    warm.restored({0, 1})
    assert warm.assigned(3, {0, 1}) == {0, 1}
    assert warm.live() == frozenset()


def test_what_was_never_read_to_its_end_is_not_live() -> None:
    warm = WarmPartitions()
    warm.assigned(1, {0, 1})
    warm.restored({0})
    warm.assigned(2, {0, 1})
    assert warm.live() == {0}
