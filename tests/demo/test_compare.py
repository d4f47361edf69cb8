"""What the demo compares: it finds no difference if all is right, and it finds each one that there is."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from msgspec.structs import replace

from app.demo.compare import Check, compare
from app.demo.look import DeadLetter, Position, Seen
from app.demo.publish import Sent
from app.demo.story import ExpectedRows
from app.demo.story_file import load_stories
from tests.demo.rehearsal import RECORDED, rehearse

STORIES = load_stories()
ADA = "selfcommunity/harbour/41"
CHIARA = "selfcommunity/harbour/43"
JONAS = "magine/nordlys/007J0NASUSR"


@pytest.fixture(scope="module")
def told() -> tuple[list[Sent], Seen]:
    return rehearse(STORIES)


def wrong(sent: list[Sent], seen: Seen) -> set[str]:
    return {check.what for check in compare(STORIES, sent, seen, RECORDED) if not check.ok}


def test_every_line_of_every_story_is_what_the_contract_makes_of_it(told: tuple[list[Sent], Seen]) -> None:
    differing = [check for check in compare(STORIES, *told, RECORDED) if not check.ok]
    assert differing == []


def user(seen: Seen, key: str) -> dict[str, Any]:
    row = seen.users[key]
    assert row is not None
    return row


def lose_an_event(seen: Seen) -> None:
    seen.events.pop(0)


def repeat_an_event(seen: Seen) -> None:
    seen.events.append(seen.events[-1])


def give_a_repeat_another_id(seen: Seen) -> None:
    seen.events[1]["id"] += "x"


def change_a_type(seen: Seen) -> None:
    seen.events[0]["type"] = "user.updated"


def change_a_reason(seen: Seen) -> None:
    seen.dead_letters[0] = replace(seen.dead_letters[0], reason="schema")


def point_elsewhere(seen: Seen) -> None:
    at = next(at for at, letter in enumerate(seen.dead_letters) if letter.detail.startswith("$.data.id:"))
    seen.dead_letters[at] = replace(seen.dead_letters[at], detail="$.data.username: expected str")


def change_the_bytes(seen: Seen) -> None:
    seen.dead_letters[0] = replace(seen.dead_letters[0], value=b"{}")


def change_the_key(seen: Seen) -> None:
    seen.dead_letters[0] = replace(seen.dead_letters[0], key="another")


def add_an_unexpected_dead_letter(seen: Seen) -> None:
    seen.dead_letters.append(
        DeadLetter("users.events/0/7", "canonical", "schema", "$: expected JSON", "k", b"{")
    )


def change_a_claim(seen: Seen) -> None:
    user(seen, ADA)["profile"]["name"] = "Ada Moreau"


def change_a_stamp(seen: Seen) -> None:
    user(seen, JONAS)["stamps"]["profile.name"] += 1


def make_one_of_true(seen: Seen) -> None:
    user(seen, ADA)["complete"] = 1


def forget_a_row(seen: Seen) -> None:
    del seen.users[ADA]


def revive_the_deleted(seen: Seen) -> None:
    seen.users[CHIARA] = user(seen, ADA) | {"sub": "43"}


def add_a_row(seen: Seen) -> None:
    seen.users["magine/nordlys/stranger"] = {"sub": "stranger"}


def keep_the_loyalty_of_the_deleted(seen: Seen) -> None:
    seen.loyalty[CHIARA] = seen.loyalty[ADA]


def never_write_the_tombstone(seen: Seen) -> None:
    del seen.loyalty[CHIARA]


def lose_an_entry(seen: Seen) -> None:
    row = seen.loyalty[ADA]
    assert row is not None
    row["entries"].pop()


def commit_too_little(seen: Seen) -> None:
    seen.positions["vendor.fynd.users/0"] = Position(20, 21)


def _add_to(seen: Seen, name: str, **labels: str) -> None:
    at = next(
        at
        for at, sample in enumerate(seen.samples)
        if sample.name == name and labels.items() <= sample.labels.items()
    )
    seen.samples[at] = replace(seen.samples[at], value=seen.samples[at].value + 1)


def count_a_record_too_many(seen: Seen) -> None:
    _add_to(seen, "rollcall_records_received_total", vendor="amity")


def count_a_skip_too_many(seen: Seen) -> None:
    _add_to(seen, "rollcall_records_total", vendor="fynd", reason="ping")


def count_an_event_too_many(seen: Seen) -> None:
    _add_to(seen, "rollcall_canonical_events_total", vendor="magine")


def count_a_stale_event_too_many(seen: Seen) -> None:
    _add_to(seen, "rollcall_table_effects_total", effect="stale")


CUT_OFF = "selfcommunity: dead letter, a body cut off"


@pytest.mark.parametrize(
    ("spoil", "lines"),
    [
        (
            lose_an_event,
            # The retry of it is still there, so the number of distinct events does not change.
            {"selfcommunity: Ada signs up", "selfcommunity: canonical events"},
        ),
        (
            repeat_an_event,
            {"amity: an update of Uma from before arrives late", "amity: canonical events"},
        ),
        (give_a_repeat_another_id, {"selfcommunity: distinct (source, id)"}),
        (change_a_type, {"selfcommunity: Ada signs up"}),
        (change_a_reason, {"selfcommunity: a body cut off"}),
        (point_elsewhere, {"selfcommunity: dead letter, a user without an id: path"}),
        (change_the_bytes, {f"{CUT_OFF}: key and bytes"}),
        (change_the_key, {f"{CUT_OFF}: key and bytes"}),
        (add_an_unexpected_dead_letter, {"of users.events/0/7, which nobody sent", "dead letters"}),
        (change_a_claim, {f"users {ADA}: profile"}),
        (change_a_stamp, {f"users {JONAS}: stamps"}),
        (make_one_of_true, {f"users {ADA}: complete"}),
        (keep_the_loyalty_of_the_deleted, {f"loyalty {CHIARA}"}),
        (never_write_the_tombstone, {f"loyalty {CHIARA}"}),
        (forget_a_row, {f"users {ADA}", f"users {ADA}: profile"}),
        (revive_the_deleted, {f"users {CHIARA}: status", f"users {CHIARA}: profile"}),
        (add_a_row, {"users magine/nordlys/stranger"}),
        (lose_an_entry, {f"loyalty {ADA}: entries"}),
        (commit_too_little, {"vendor.fynd.users/0: committed"}),
        (count_a_record_too_many, {"amity: received", "amity: emitted + skipped + dead"}),
        (
            count_a_skip_too_many,
            {"fynd: skip, ping", "fynd: skipped", "fynd: emitted + skipped + dead"},
        ),
        (count_an_event_too_many, {"magine: canonical events counted"}),
        (count_a_stale_event_too_many, {"effect on the rows: stale"}),
    ],
)
def test_a_difference_is_seen_where_it_is(
    told: tuple[list[Sent], Seen], spoil: Callable[[Seen], None], lines: set[str]
) -> None:
    sent, seen = told[0], deepcopy(told[1])
    spoil(seen)
    found = wrong(sent, seen)
    assert lines <= found
    # Rows are compared member by member; of everything else exactly the named lines differ.
    assert {line for line in found - lines if not line.startswith(("users ", "loyalty "))} == set()


def test_a_record_that_was_not_sent_is_missed(told: tuple[list[Sent], Seen]) -> None:
    sent, seen = told
    assert "records sent" in wrong(sent[1:], seen)


def test_a_row_that_the_story_has_otherwise_is_seen(told: tuple[list[Sent], Seen]) -> None:
    first, *others = STORIES
    ada: ExpectedRows = first.rows[0]
    altered = replace(ada, user=ada.user | {"status": "blocked"})
    story = replace(first, rows=(altered, *first.rows[1:]))
    checks = compare((story, *others), *told, RECORDED)
    assert [check for check in checks if not check.ok] == [
        Check(f"users {ADA}: status", '"blocked"', '"active"')
    ]
