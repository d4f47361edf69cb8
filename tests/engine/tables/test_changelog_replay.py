"""Both changelogs of a partition become rows again, whatever a zombie has written into them."""

from dataclasses import replace
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.producer.refusals import Headers
from app.engine.tables.changelog_replay import ChangelogReplay
from app.engine.tables.merge_rules import LaterVersion, NoRow, Row, TableName
from tests.engine.tables.changelog_model import LogRecord
from tests.engine.toy_rows import TOY_RULES, loyalty_row, users_row

MARKER = users_row([], deleted_at=9)
REVIVED = users_row([12], deleted_at=9)


def replay(users: list[Row], loyalty: list[Row]) -> tuple[Row, Row, bool, bool]:
    """Returns both rows of one key, and whether each must be written again."""
    partition = ChangelogReplay(TOY_RULES)
    partition.read("users", [LogRecord(b"ada", row) for row in users])
    partition.read("loyalty", [LogRecord(b"ada", row) for row in loyalty])
    restored = partition.finish()
    return (
        restored["users"].rows.get(b"ada"),
        restored["loyalty"].rows.get(b"ada"),
        b"ada" in restored["users"].rewrite,
        b"ada" in restored["loyalty"].rewrite,
    )


def written_again(users: list[Row], loyalty: list[Row]) -> dict[str, list[bytes | None]]:
    """Returns, by table, the headers `changed` of what is written again."""
    partition = ChangelogReplay(TOY_RULES)
    partition.read("users", [LogRecord(b"ada", row) for row in users])
    partition.read("loyalty", [LogRecord(b"ada", row) for row in loyalty])
    return {
        name: [dict(headers)["changed"] for key in table.rewrite for _, headers in table.records(key)]
        for name, table in partition.finish().items()
    }


def test_what_is_written_again_is_compared_with_the_last_record_of_the_log() -> None:
    both, one = users_row([1, 2]), users_row([1])
    assert both is not None
    assert one is not None
    assert written_again([both, one], []) == {"users": [one + b" -> " + both], "loyalty": []}
    assert written_again([both, None], []) == {"users": [b"- -> " + both], "loyalty": []}
    assert written_again([both, b"garbage"], []) == {"users": [both + b" -> " + both], "loyalty": []}
    assert written_again([both, one, b"garbage"], []) == {"users": [one + b" -> " + both], "loyalty": []}
    old = loyalty_row([3])
    assert old is not None
    assert written_again([MARKER], [old]) == {"users": [], "loyalty": [old + b" -> -"]}


def test_the_usual_log_needs_nothing() -> None:
    assert replay([users_row([1]), users_row([1, 2])], []) == (users_row([1, 2]), None, False, False)


def test_a_stale_row_last_is_merged_and_written_again() -> None:
    both = users_row([1, 2])
    assert replay([both, users_row([1])], []) == (both, None, True, False)
    assert replay([users_row([1]), users_row([2])], []) == (both, None, True, False)
    assert replay([both, users_row([1]), both], []) == (both, None, False, False)


def test_a_deleted_user_stays_deleted_whatever_came_late() -> None:
    old = loyalty_row([3])
    assert replay([users_row([3]), MARKER], [old, None]) == (MARKER, None, False, False)
    assert replay([MARKER, users_row([3])], [None, old]) == (MARKER, None, True, True)


def test_a_loyalty_row_that_a_late_tombstone_hides_comes_back_without_what_was_deleted() -> None:
    assert replay([REVIVED], [loyalty_row([3, 12]), None]) == (REVIVED, loyalty_row([12]), False, True)


def test_a_prune_that_the_log_already_has_is_not_written_again() -> None:
    log = [loyalty_row([3]), loyalty_row([3, 12]), loyalty_row([12])]
    assert replay([REVIVED], log) == (REVIVED, loyalty_row([12]), False, False)


def test_a_marker_whose_grace_period_is_over_is_gone_with_all_before_it() -> None:
    assert replay([users_row([3]), MARKER, None], [loyalty_row([3]), None]) == (None, None, False, False)
    assert replay([MARKER, None, users_row([20])], [loyalty_row([3]), None, loyalty_row([20])]) == (
        users_row([20]),
        loyalty_row([20]),
        False,
        False,
    )


def test_a_tombstone_over_a_living_user_is_void() -> None:
    assert replay([users_row([1]), None], []) == (users_row([1]), None, True, False)
    assert replay([users_row([1]), None, users_row([2]), None], [])[0] == users_row([1, 2])


def test_a_record_without_a_key_is_passed_over() -> None:
    partition = ChangelogReplay(TOY_RULES)
    partition.read("users", [LogRecord(None, b"{}")])
    assert partition.finish()["users"].rows == {}


@given(st.lists(st.sets(st.integers(1, 9), min_size=1), min_size=1))
def test_no_order_of_rows_loses_anything(versions: list[set[int]]) -> None:
    everything = users_row(set().union(*versions))
    row, _, rewrite, _ = replay([users_row(version) for version in versions], [])
    assert row == everything
    assert rewrite == (users_row(versions[-1]) != everything)


OURS: Headers = [("changed", b"*")]
"""The headers of a record that a worker wrote."""


def merges(
    *versions: tuple[int, Row], merge_all: bool = False, headers: Headers = OURS
) -> tuple[list[tuple[bytes, bytes]], Row, bool]:
    """Returns the pairs of rows that a replay of the users log has compared, the row of its key, and whether
    it must be written again. Each version comes with its producer id."""
    compared = []

    def supersedes(older: bytes, newer: bytes) -> bool:
        compared.append((older, newer))
        return TOY_RULES.users.supersedes(older, newer)

    rules = replace(TOY_RULES, users=replace(TOY_RULES.users, supersedes=supersedes))
    partition = ChangelogReplay(rules, merge_all=merge_all)
    for producer, run in groupby(versions, lambda version: version[0]):
        partition.read("users", [LogRecord(b"ada", row, headers) for _, row in run], producer)
    users = partition.finish()["users"]
    return compared, users.rows.get(b"ada"), b"ada" in users.rewrite


A, B, C = (users_row(range(1, end)) or b"" for end in (2, 3, 4))
NOBODY = -1


def test_versions_of_one_producer_are_not_compared() -> None:
    assert merges((7, A), (7, B), (7, C)) == ([], C, False)
    assert merges((7, A), (8, B), (8, C)) == ([(A, B)], C, False)
    # Compaction may remove any versions between two.
    assert merges((7, A), (7, C)) == ([], C, False)


def test_a_producer_that_comes_back_is_compared_again() -> None:
    assert merges((7, A), (8, C), (7, B)) == ([(A, C), (C, B)], C, True)


def test_two_late_versions_of_one_zombie_do_not_win() -> None:
    assert merges((8, C), (7, A), (7, B)) == ([(C, A), (C, B)], C, True)
    # Once a version equals the row, the next one of the same producer needs no comparison.
    more = users_row([1, 2, 3, 4])
    assert merges((8, C), (7, A), (9, C), (9, more)) == ([(C, A)], more, False)
    assert merges((8, B), (7, A), (9, C), (9, more)) == ([(B, A), (B, C)], more, False)


def test_no_producer_id_proves_nothing() -> None:
    assert merges((NOBODY, C), (NOBODY, A)) == ([(C, A)], C, True)
    assert merges((NOBODY, C), (7, A), (NOBODY, B))[1:] == (C, True)
    assert merges((NOBODY, C), (7, C), (7, B))[1:] == (B, False)


def test_the_producer_id_of_a_stranger_proves_nothing() -> None:
    for headers in ((), [("other", b"*")]):
        assert merges((7, C), (7, A), headers=headers) == ([(C, A)], C, True)


def test_everything_is_merged_if_ids_prove_nothing() -> None:
    assert merges((7, A), (7, B), merge_all=True) == ([(A, B)], B, False)
    # A mirrored log: one id stands for an owner and a zombie.
    assert merges((7, C), (7, A), merge_all=True) == ([(C, A)], C, True)


def test_what_is_no_row_or_a_tombstone_leaves_the_proof_right() -> None:
    assert merges((7, A), (9, b"garbage"), (7, B)) == ([], B, True)
    assert merges((7, A), (7, b"garbage"), (9, B))[1:] == (B, True)
    # A repair by one that had no row of the key.
    partition = ChangelogReplay(TOY_RULES)
    repair = LogRecord(b"ada", None, [*OURS, ("repaired", b"0")])
    partition.read("users", [LogRecord(b"ada", C, OURS), repair], 7)
    partition.read("users", [LogRecord(b"ada", A, OURS)], 7)
    assert partition.finish()["users"].rows.get(b"ada") == C
    # What stood before a tombstone of a zombie comes back.
    assert merges((7, B), (8, None), (7, C))[1:] == (C, False)
    assert merges((7, C), (8, None), (9, A), (9, B))[1:] == (C, True)


def test_the_same_batch_with_all_versions_is_judged_record_by_record() -> None:
    partition = ChangelogReplay(TOY_RULES)
    partition.read("users", [LogRecord(b"ada", row, OURS) for row in (A, b"garbage", B)], 7)
    findings, rows = partition.findings("users")
    assert (findings.skipped()["garbage"], rows) == (1, 1)


def read_lazily(*reads: tuple[int, list[Row]]) -> tuple[ChangelogReplay, list[Row]]:
    """Returns a replay of the users log that has read these versions, each read with its producer id, and
    the values that it has judged before and at the end."""
    judged: list[Row] = []

    def judge(table: TableName, key: bytes, value: bytes) -> NoRow | LaterVersion | None:
        judged.append(value)
        return TOY_RULES.judge(table, key, value)

    partition = ChangelogReplay(replace(TOY_RULES, judge=judge, tail=b"}"), lazily=True)
    for producer, values in reads:
        partition.read("users", [LogRecord(b"ada", value, OURS) for value in values], producer)
    for _ in partition.judge_in_steps():
        pass
    return partition, judged


# It ends as rows do.
NO_ROW = b'{"events": "none"}'


def test_a_version_that_the_next_one_of_its_worker_replaces_is_not_judged() -> None:
    partition, judged = read_lazily((7, [A, B]), (7, [C]))
    assert judged == [C]
    assert partition.is_certain
    assert partition.finish()["users"].rows.get(b"ada") == C


def test_a_version_that_another_process_follows_is_judged() -> None:
    partition, judged = read_lazily((7, [A, B]), (8, [C]), (7, [A]))
    assert judged == [B, C, A]
    assert partition.finish()["users"].rows.get(b"ada") == C


def test_what_does_not_look_like_a_row_is_judged_at_once() -> None:
    partition, _ = read_lazily((7, [A, b"garbage", B]))
    assert partition.is_certain
    assert partition.findings("users")[0].skipped()["garbage"] == 1


def test_a_tombstone_is_judged_with_the_row_before_it() -> None:
    partition, judged = read_lazily((7, [A]), (7, [None]), (7, [B]))
    assert judged == [A, B]
    assert partition.is_certain


@pytest.mark.parametrize("after", [[], [(8, [C])], [(7, [None])]])
def test_if_the_last_version_of_a_worker_is_no_row_the_replay_is_not_certain(
    after: list[tuple[int, list[Row]]],
) -> None:
    partition, _ = read_lazily((7, [A, NO_ROW]), *after)
    assert not partition.is_certain


def test_no_row_between_rows_of_one_worker_is_passed_over() -> None:
    partition, _ = read_lazily((7, [A, NO_ROW, B]))
    assert partition.is_certain
    assert partition.finish()["users"].rows.get(b"ada") == B
