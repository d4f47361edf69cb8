from app.lane.retention import Retention


def test_rows_stay_over_consecutive_generations() -> None:
    retention = Retention()
    assert retention.assigned(1, {0, 1, 2}) == set()
    retention.recovered({0, 1, 2})
    assert retention.assigned(2, {1, 2, 3}) == {0}
    assert retention.live() == {1, 2}
    retention.recovered({3})
    assert retention.assigned(3, {1, 2, 3}) == set()
    assert retention.live() == {1, 2, 3}


def test_a_missed_generation_costs_all_rows() -> None:
    retention = Retention()
    retention.assigned(1, {0, 1})
    retention.recovered({0, 1})
    assert retention.assigned(3, {0, 1}) == {0, 1}
    assert retention.live() == frozenset()


def test_what_was_never_read_to_its_end_is_not_live() -> None:
    retention = Retention()
    retention.assigned(1, {0, 1})
    retention.recovered({0})
    retention.assigned(2, {0, 1})
    assert retention.live() == {0}
