"""Where a run begins, goes on, and ends."""

import pytest

from app.engine import LogPartition
from app.errors import CommandFailed
from app.settings import Settings
from app.tools.redrives.redrive_choice import Choice
from app.tools.redrives.redrive_run import group_of_run, letters_of, noted, ranges_left

CHOICE = Choice(vendors=("magine",))


def test_it_goes_on_where_it_was_and_ends_where_it_said() -> None:
    commits = {0: noted(3, 9, CHOICE), 2: noted(7, 7, CHOICE)}
    left = ranges_left("dead", CHOICE, commits, "group")
    assert left == {LogPartition("dead", 0): (3, 9), LogPartition("dead", 2): (7, 7)}
    assert letters_of(left) == 6


@pytest.mark.parametrize(
    ("commits", "said"),
    [
        ({0: noted(3, 9, CHOICE), 1: noted(0, 9, Choice())}, "the run began with other filters: "),
        ({0: noted(3, 9, CHOICE), 1: (5, "")}, "the offsets of group group are not those of a run: "),
    ],
)
def test_other_filters_and_other_offsets_are_refused(commits: dict[int, tuple[int, str]], said: str) -> None:
    with pytest.raises(CommandFailed, match=said):
        ranges_left("dead", CHOICE, commits, "group")


def test_each_run_has_a_group_of_its_own() -> None:
    assert group_of_run(Settings(app_id="crew"), "fixed") == "crew-redrive-fixed"
