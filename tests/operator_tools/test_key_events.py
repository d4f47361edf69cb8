"""What can be restored of a deleted user from canonical events."""

import pytest

from app.canonical import Event
from app.tools.users.key_events import event_in, row_before_deletion
from tests.state.events import at, deleted, full, partial

ADA, BOB = {"name": "Ada"}, {"name": "Bob"}


@pytest.mark.parametrize(
    ("events", "deleted_at", "profile"),
    [
        ([full(1, user=ADA), deleted(3)], 3, ADA),
        (
            [full(1, user=ADA), partial(2, user={"email": "a@example.com"}), deleted(3)],
            3,
            {**ADA, "email": "a@example.com"},
        ),
        ([full(1, user=ADA), deleted(3)], None, ADA),
        ([deleted(3), full(1, user=ADA)], 3, ADA),
        # Deleted twice, each time wrongly.
        ([full(1, user=ADA), deleted(3), deleted(4)], 4, ADA),
        # Deleted and back before: what came before that deletion stays gone.
        (
            [
                full(1, user=ADA),
                partial(2, user={"email": "a@x.y"}),
                deleted(3),
                full(4, user=BOB),
                deleted(5),
            ],
            5,
            BOB,
        ),
        # What came after the deletion was never part of the row.
        ([full(1, user=ADA), deleted(3), partial(4, user=BOB)], 3, ADA),
        ([full(1, user=ADA), deleted(3), full(4, user=BOB), deleted(5)], 3, ADA),
        ([partial(1, user=ADA), deleted(3)], 3, None),
        ([deleted(3)], 3, None),
        ([], 3, None),
        ([full(1, user=ADA)], None, None),
        # The deletion itself is gone from the topic, the row knows it.
        ([full(1, user=ADA)], 3, ADA),
    ],
)
def test_the_row_is_that_of_before_the_deletion(
    events: list[Event], deleted_at: int | None, profile: dict[str, str] | None
) -> None:
    row = row_before_deletion(events, None if deleted_at is None else at(deleted_at))
    assert (row and row.profile) == profile


def test_what_is_no_event_has_none() -> None:
    assert event_in(b"{}") is None
