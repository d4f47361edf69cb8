"""Both changelogs of a partition become rows again, whatever was written into them late."""

from hypothesis import given
from hypothesis import strategies as st

from app.lane.fold import PartitionFold
from app.lane.rowlogic import Row
from tests.lane.changelog_model import LogRecord
from tests.lane.toy_rows import TOY_LOGIC, loyalty_row, users_row

MARKER = users_row([], deleted_at=9)
REVIVED = users_row([12], deleted_at=9)


def fold(users: list[Row], loyalty: list[Row]) -> tuple[Row, Row, bool, bool]:
    """Both rows of one key, and whether they have to be written again."""
    partition = PartitionFold(TOY_LOGIC)
    partition.read("users", [LogRecord(b"ada", row) for row in users])
    partition.read("loyalty", [LogRecord(b"ada", row) for row in loyalty])
    folded = partition.finish()
    return (
        folded["users"].rows.get(b"ada"),
        folded["loyalty"].rows.get(b"ada"),
        b"ada" in folded["users"].rewrite,
        b"ada" in folded["loyalty"].rewrite,
    )


def test_the_usual_log_needs_nothing() -> None:
    assert fold([users_row([1]), users_row([1, 2])], []) == (users_row([1, 2]), None, False, False)


def test_a_stale_row_last_is_merged_and_written_again() -> None:
    both = users_row([1, 2])
    assert fold([both, users_row([1])], []) == (both, None, True, False)
    assert fold([users_row([1]), users_row([2])], []) == (both, None, True, False)
    assert fold([both, users_row([1]), both], []) == (both, None, False, False)


def test_a_deleted_user_stays_deleted_whatever_came_late() -> None:
    old = loyalty_row([3])
    assert fold([users_row([3]), MARKER], [old, None]) == (MARKER, None, False, False)
    assert fold([MARKER, users_row([3])], [None, old]) == (MARKER, None, True, True)


def test_a_loyalty_row_that_a_late_tombstone_hides_comes_back_without_what_was_deleted() -> None:
    assert fold([REVIVED], [loyalty_row([3, 12]), None]) == (REVIVED, loyalty_row([12]), False, True)


def test_a_prune_that_the_log_already_has_is_not_written_again() -> None:
    log = [loyalty_row([3]), loyalty_row([3, 12]), loyalty_row([12])]
    assert fold([REVIVED], log) == (REVIVED, loyalty_row([12]), False, False)


def test_a_marker_whose_grace_period_is_over_is_gone_with_all_before_it() -> None:
    assert fold([users_row([3]), MARKER, None], [loyalty_row([3]), None]) == (None, None, False, False)
    assert fold([MARKER, None, users_row([20])], [loyalty_row([3]), None, loyalty_row([20])]) == (
        users_row([20]),
        loyalty_row([20]),
        False,
        False,
    )


def test_a_tombstone_over_a_living_user_is_void() -> None:
    assert fold([users_row([1]), None], []) == (users_row([1]), None, True, False)
    assert fold([users_row([1]), None, users_row([2]), None], [])[0] == users_row([1, 2])


def test_a_record_without_a_key_is_passed_over() -> None:
    partition = PartitionFold(TOY_LOGIC)
    partition.read("users", [LogRecord(None, b"{}")])
    assert partition.finish()["users"].rows == {}


@given(st.lists(st.sets(st.integers(1, 9), min_size=1), min_size=1))
def test_no_order_of_rows_loses_anything(versions: list[set[int]]) -> None:
    everything = users_row(set().union(*versions))
    row, _, rewrite, _ = fold([users_row(version) for version in versions], [])
    assert row == everything
    assert rewrite == (users_row(versions[-1]) != everything)
