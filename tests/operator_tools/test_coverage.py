"""Which records of the vendors' topics a second canonical topic has the events of."""

import pytest

from app.tools.coverage import Coverage, position_in


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
