"""The pages and the files of deploy/ name only metrics that a worker has."""

import re
from pathlib import Path

from tests.docs.metrics_table import collectors, metrics_table

_ROOT = Path(__file__).parents[2]
_PATTERNS = ("README.md", "docs/**/*.md", "deploy/**/*.*")
# The endings of the names of one metric: its count, its time of creation, its sum, and more.
_SUFFIXES = ("", "_total", "_created", "_bucket", "_count", "_sum", "_info")
_NAME = re.compile(r"\brollcall_[a-z_]+[a-z]\b")


def known() -> set[str]:
    families = [family.name for collector in collectors() for family in collector.describe()]
    return {name + suffix for name in families for suffix in _SUFFIXES}


def test_every_metric_that_is_named_is_there() -> None:
    files = [path for pattern in _PATTERNS for path in _ROOT.glob(pattern)]
    named = {(path.name, name) for path in files for name in _NAME.findall(path.read_text("utf-8"))}
    assert len(named) > 10
    assert {each for each in named if each[1] not in known()} == set()


def test_the_table_of_metrics_has_the_names_of_a_scrape() -> None:
    table = metrics_table()
    for row in (
        "| `rollcall_records_total` | counter | `vendor`, `outcome`, `reason` |",
        "| `rollcall_slice_records` | histogram | `topic` |",
        "| `rollcall_build_info` | info |  |",
    ):
        assert row in table
