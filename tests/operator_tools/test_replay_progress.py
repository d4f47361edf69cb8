"""The progress of a replay, in its file."""

from pathlib import Path

import pytest

from app.engine import LogPartition
from app.errors import CommandFailed
from app.tools.connected import Span
from app.tools.mappings.replay_progress import ProgressFile, RangesLeft, ReplayProgress

SPAN = Span(since=7)
ONE, TWO = LogPartition("t", 1), LogPartition("t", 2)
RANGES = {ONE: (3, 9), TWO: (0, 2)}


def left(file: ProgressFile) -> RangesLeft:
    return RangesLeft(ReplayProgress("t", "into", SPAN, {}), file, RANGES)


def test_a_later_run_goes_on_where_everything_is_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.tools.mappings.replay_progress._KEEP_SECONDS", 0)
    file = ProgressFile(tmp_path / "progress")
    assert file.read("t", "into", SPAN) is None
    run = left(file)

    def ranges() -> object:
        progress = file.read("t", "into", SPAN)
        return progress and progress.ranges()

    assert ranges() == RANGES
    run.mapped(ONE, 4)
    run.keep()
    assert ranges() == RANGES
    run.written()
    assert ranges() == {ONE: (5, 9), TWO: (0, 2)}
    run.ended()
    run.keep()
    assert ranges() == {}
    assert [each.name for each in tmp_path.iterdir()] == ["progress"]


def test_within_a_second_the_file_is_not_written_again(tmp_path: Path) -> None:
    file = ProgressFile(tmp_path / "progress")
    run = left(file)
    run.mapped(ONE, 4)
    run.written()
    progress = file.read("t", "into", SPAN)
    assert progress is not None
    assert progress.ranges() == RANGES


def test_the_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "progress"
    file = ProgressFile(path)
    left(file)
    for asked in (("u", "into", SPAN), ("t", "users.events", SPAN), ("t", "into", Span())):
        with pytest.raises(CommandFailed, match="with other arguments"):
            file.read(*asked)
    path.write_bytes(b"{}")
    with pytest.raises(CommandFailed, match="is no progress of a replay"):
        file.read("t", "into", SPAN)
    with pytest.raises(CommandFailed, match="cannot be read: Is a directory"):
        ProgressFile(tmp_path).read("t", "into", SPAN)
    with pytest.raises(CommandFailed, match="cannot be written: No such file"):
        left(ProgressFile(tmp_path / "no" / "folder"))


def test_without_a_file_nothing_is_kept() -> None:
    run = left(ProgressFile(None))
    run.keep()
    assert ProgressFile(None).read("t", "into", SPAN) is None
