"""The picture for the documentation, and what a machine lacks for the program in Java."""

from xml.etree import ElementTree as ET

import pytest

from tests.tools.bench.peers.measurement import summaries
from tests.tools.bench.peers.plot import svg
from tests.tools.bench.peers.streams import java_version
from tests.tools.bench.peers.systems import SYSTEMS
from tests.tools.bench.peers.test_measurement import RUNS, run

TITLES = {system.name: system.title for system in SYSTEMS}
SPACE = "{http://www.w3.org/2000/svg}"


def test_each_system_has_a_bar_as_long_as_its_least_time_and_a_dot_for_each_run() -> None:
    picture = ET.fromstring(svg(summaries(RUNS), TITLES))
    bars = [float(bar.attrib["width"]) for bar in picture.findall(f"{SPACE}rect")][1:]
    # By shape, the fastest first: 20 and 400, then 40, 60 and 900 of at most 1,000 microseconds.
    assert bars == pytest.approx([21.5, 430.0, 17.2, 25.8, 387.0])
    assert len(picture.findall(f"{SPACE}circle")) == len(RUNS)


def test_the_picture_names_the_systems_and_says_the_ratios() -> None:
    text = " ".join(ET.fromstring(svg(summaries(RUNS), TITLES)).itertext())
    assert "plain Faust" in text
    assert "(20.0 times)" in text
    assert "Rollcall" in text


def test_each_workload_and_shape_has_bars_of_its_own() -> None:
    runs = [*RUNS, run("rollcall", 4.0, workload="mix"), run("faust", 8.0, workload="mix")]
    picture = ET.fromstring(svg(summaries(runs), TITLES))
    bars = [float(bar.attrib["width"]) for bar in picture.findall(f"{SPACE}rect")][1:]
    assert bars[-2:] == pytest.approx([215.0, 430.0])
    assert "mix: bodies to canonical events to both tables, micro" in " ".join(picture.itertext())


def test_a_title_is_text_and_not_markup() -> None:
    picture = svg(summaries(RUNS), {**TITLES, "faust": "a<b> & c"})
    assert "a<b> & c" in "".join(ET.fromstring(picture).itertext())


@pytest.mark.parametrize(
    ("told", "version"), [("javac 17.0.15\n", 17), ("javac 1.8.0_392", 8), ("javac 25", 25), ("no", 0)]
)
def test_the_version_of_a_jdk_is_read(told: str, version: int) -> None:
    assert java_version(told) == version


def test_the_peers_have_names_of_their_own() -> None:
    assert len(TITLES) == len(SYSTEMS)
    assert SYSTEMS[0].name == "rollcall"
