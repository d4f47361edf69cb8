"""A zombie's record is merged into the worker's own rows, and the log gets what it then lacks."""

from app.engine.tables.merge_rules import Pair, Row
from app.engine.tables.zombie_rows import merge_zombie_records
from tests.engine.toy_rows import TOY_RULES, loyalty_row, users_row

MARKER = users_row([], deleted_at=9)


def users(ours: Row, *zombie: Row) -> tuple[Row, tuple[str, ...]]:
    repaired = merge_zombie_records(TOY_RULES, "users", b"ada", Pair(ours, None), zombie)
    return repaired.pair.users, repaired.rewrite


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


def test_a_deletion_that_a_zombie_knew_prunes_our_loyalty_row() -> None:
    ours = Pair(users_row([3]), loyalty_row([3]))
    repaired = merge_zombie_records(TOY_RULES, "users", b"ada", ours, [MARKER])
    assert repaired == (Pair(MARKER, None), ("users", "loyalty"), Pair(MARKER, ours.loyalty))


def test_a_loyalty_row_of_a_deleted_user_is_ended_again() -> None:
    repaired = merge_zombie_records(TOY_RULES, "loyalty", b"ada", Pair(MARKER, None), [loyalty_row([3])])
    assert repaired == (Pair(MARKER, None), ("loyalty",), Pair(MARKER, loyalty_row([3])))


def test_the_row_before_is_the_zombies_last_record_of_the_key() -> None:
    ours = Pair(users_row([1, 2]), loyalty_row([3]))
    for zombie, last in (
        ([users_row([1]), users_row([2])], users_row([2])),
        ([users_row([1]), None], None),
        ([], ours.users),
    ):
        repaired = merge_zombie_records(TOY_RULES, "users", b"ada", ours, zombie)
        assert repaired.before == Pair(last, ours.loyalty)
