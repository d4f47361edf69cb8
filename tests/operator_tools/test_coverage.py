"""Which records of the vendors' topics a second canonical topic has the events of."""

import pytest

from app.engine import LogPartition
from app.tools.rebuilds.coverage import Coverage, position_in, range_header


def test_what_lies_between_the_first_and_the_last_record_is_covered() -> None:
    coverage = Coverage()
    for origin in ("v.magine/0/7", "v.magine/0/3", "v.magine/1/5", None, "file"):
        coverage.add(origin)
    covered = {at for at in range(10) if coverage.has(f"v.magine/0/{at}")}
    assert covered == {3, 4, 5, 6, 7}
    assert [at for at in range(10) if coverage.has(f"v.magine/1/{at}")] == [5]
    assert not coverage.has("v.magine/2/5")
    assert not coverage.has("v.fynd/0/5")
    assert not coverage.has(None)


def test_what_a_replay_has_read_is_covered_and_nothing_between_two_replays() -> None:
    coverage = Coverage()
    coverage.add("v.magine/0/2")
    coverage.add("v.magine/0/90")
    coverage.add("v.fynd/0/7")
    magine = [LogPartition("v.magine", number) for number in (0, 1)]
    first = range_header({magine[0]: (0, 5), magine[1]: (3, 4)})
    assert first == ("replayed", b"v.magine 0:0-5,1:3-4")
    coverage.read_headers([("content-type", b"x"), first])
    coverage.read_headers(
        [range_header({magine[0]: (80, 95)}), ("replayed", b"nonsense"), ("replayed", None)]
    )
    coverage.read_headers([range_header({magine[0]: (1, 3)})])
    covered = [at for at in range(100) if coverage.has(f"v.magine/0/{at}")]
    assert covered == [*range(5), *range(80, 95)]
    assert [at for at in range(9) if coverage.has(f"v.magine/1/{at}")] == [3]
    assert [at for at in range(9) if coverage.has(f"v.fynd/0/{at}")] == [7]


@pytest.mark.parametrize(
    ("origin", "position"),
    [
        ("vendor.a/0/12", ("vendor.a/0", 12)),
        ("/0/0", ("/0", 0)),
        ("vendor.a/0/-1", None),
        ("vendor.a/x/1", None),
        ("12", None),
        ("", None),
        (12, None),
        ("vendor.a/0/²", None),
    ],
)
def test_an_origin_that_names_no_record_is_no_position(origin: object, position: object) -> None:
    assert position_in(origin) == position
