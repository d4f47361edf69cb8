"""A foreign record adds to our rows, and the log gets what it then lacks."""

from app.lane.healing import heal
from app.lane.rowlogic import Pair, Row
from tests.lane.toy_rows import TOY_LOGIC, loyalty_row, users_row

MARKER = users_row([], deleted_at=9)


def users(ours: Row, *foreign: Row) -> tuple[Row, tuple[str, ...]]:
    healed = heal(TOY_LOGIC, "users", b"ada", Pair(ours, None), foreign)
    return healed.pair.users, healed.rewrite


def test_a_stale_row_makes_us_write_ours_again() -> None:
    assert users(users_row([1, 2]), users_row([1])) == (users_row([1, 2]), ("users",))


def test_an_equal_row_needs_nothing() -> None:
    assert users(users_row([1]), users_row([1])) == (users_row([1]), ())
    assert users(users_row([1, 2]), users_row([1]), users_row([1, 2])) == (users_row([1, 2]), ())


def test_a_newer_row_is_taken_and_written_again_as_older_ones_of_ours_may_follow_it() -> None:
    assert users(users_row([1]), users_row([1, 2])) == (users_row([1, 2]), ("users",))
    assert users(None, users_row([1])) == (users_row([1]), ("users",))


def test_a_tombstone_takes_nothing_away() -> None:
    assert users(users_row([1]), None) == (users_row([1]), ("users",))
    assert users(None, None) == (None, ())


def test_a_deletion_that_somebody_else_knew_prunes_our_loyalty_row() -> None:
    ours = Pair(users_row([3]), loyalty_row([3]))
    healed = heal(TOY_LOGIC, "users", b"ada", ours, [MARKER])
    assert healed == (Pair(MARKER, None), ("users", "loyalty"))


def test_a_loyalty_row_of_a_deleted_user_is_ended_again() -> None:
    healed = heal(TOY_LOGIC, "loyalty", b"ada", Pair(MARKER, None), [loyalty_row([3])])
    assert healed == (Pair(MARKER, None), ("loyalty",))
