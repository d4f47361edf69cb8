"""The steps of the bench `scale`, what it says of them, and the vendors that it makes up."""

from xml.etree import ElementTree as ET

import pytest

from app.cli.convert import Line
from app.outcome import Emit
from app.vendors import VENDORS, Options, convert
from tests.tools.bench.__main__ import main
from tests.tools.bench.bodies import bodies
from tests.tools.bench.many_vendors import many_vendors
from tests.tools.bench.scale import CURVES, Step, growth, picture_of, steps_of

SPACE = "{http://www.w3.org/2000/svg}"


def test_each_size_of_a_curve_is_a_step_in_which_nothing_else_grows() -> None:
    assert steps_of({"workers": [1, 4], "partitions": [96], "rows": [], "vendors": [50]}) == [
        Step(curve="workers", size=1, workers=1),
        Step(curve="workers", size=4, workers=4),
        Step(curve="partitions", size=96, partitions=96),
        Step(curve="vendors", size=50, vendors=50),
    ]


def test_every_curve_grows_something() -> None:
    plain = Step(curve="", size=0)
    for step in steps_of({curve: [3] for curve in CURVES}):
        assert getattr(step, step.curve) == 3
        assert getattr(plain, step.curve) != 3


def test_growth_is_told_for_each_curve_from_its_first_size_on() -> None:
    one, four, small, large = steps_of({"workers": [1, 4], "rows": [10_000, 1_000_000]})
    micros = {one: [22.0, 20.0], four: [25.0, 24.0], small: [10.0, 12.0], large: [30.0, 15.0]}
    assert growth(micros) == "scale/workers/4 1.20 scale/rows/1000000 1.50"


def test_the_picture_has_bars_of_each_curve_that_end_at_the_least_time() -> None:
    one, four, small = steps_of({"workers": [1, 4], "rows": [10_000]})
    picture = ET.fromstring(picture_of({one: [22.0, 20.0], four: [40.0], small: [10.0]}))
    bars = [float(bar.attrib["width"]) for bar in picture.findall(f"{SPACE}rect")][1:]
    assert bars == pytest.approx([215.0, 430.0, 430.0])
    text = " ".join(picture.itertext())
    assert "workers: microseconds of CPU an event" in text
    assert "4 workers" in text


def test_a_step_has_a_name_for_people() -> None:
    names = [step.name for step in steps_of({"workers": [1, 2], "rows": [1_000_000]})]
    assert names == ["1 worker", "2 workers", "1,000,000 rows"]


def test_vendors_are_made_up_only_within_the_block() -> None:
    before = dict(VENDORS)
    with many_vendors(12):
        assert len(VENDORS) == 12
        name, vendor = list(VENDORS.items())[-1]
        outcome = convert(
            vendor, Line(0, 1_735_689_600_000, [], next(bodies("selfcommunity", 1))), "x/0", Options()
        )
        assert isinstance(outcome, Emit)
        assert outcome.events[0].vendor == name
    assert before == VENDORS


@pytest.mark.parametrize("arguments", [["scale", "--rows", "many"], ["no-such-bench"]])
def test_what_cannot_be_measured_is_a_usage_error(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "error" in capsys.readouterr().err
