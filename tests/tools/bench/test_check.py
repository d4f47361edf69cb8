"""The judgement of `make bench-check`, on ratios and times that are made up."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.tools.bench import check
from tests.tools.bench.bodies import MIXES
from tests.tools.bench.check import Costs, main, measured
from tests.tools.bench.limits import Limits, improvements, problems, read_limits, text_of
from tests.tools.bench.turns import micros_by_turns

LIMITS = Limits(margin=0.1, python="3.11", known={"a/convert/floor": 3.0, "a/repeat/new": 1.0})


def test_what_is_at_most_the_limit_is_no_problem() -> None:
    assert list(problems({"a/convert/floor": 3.3, "a/repeat/new": 0.2}, LIMITS)) == []


def test_each_ratio_beyond_its_limit_is_one_line_with_both_numbers() -> None:
    assert list(problems({"a/convert/floor": 3.6, "a/repeat/new": 1.05}, LIMITS)) == [
        "a/convert/floor: 3.60 times, the limit is 3.30 (3.00 and 10%): 20% more than it was"
    ]


def test_a_vendor_without_limits_and_a_limit_without_a_vendor_are_problems() -> None:
    found = list(problems({"a/convert/floor": 3.0, "new/repeat/new": 0.1}, LIMITS))
    assert [line.partition(":")[0] for line in found] == ["new/repeat/new", "a/repeat/new"]


def test_a_ratio_far_below_the_known_one_is_named_because_its_limit_guards_nothing() -> None:
    assert list(improvements({"a/convert/floor": 2.5, "a/repeat/new": 0.95}, LIMITS)) == ["a/convert/floor"]


def test_the_file_says_what_was_written(tmp_path: Path) -> None:
    file = tmp_path / "limits.toml"
    file.write_text(text_of(LIMITS))
    assert read_limits(file) == LIMITS


@pytest.mark.parametrize(
    "text", ["margin = 0.1", "margin =", "margin = 0.1\npython = '3'\nknown = {a = 'x'}"]
)
def test_a_file_without_limits_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "limits.toml"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"."):
        read_limits(file)


@pytest.mark.parametrize("arguments", [["--margin", "nan"], ["--margin", "-0.1"], ["--write", "no-vendor"]])
def test_what_cannot_be_asked_is_a_usage_error(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "error" in capsys.readouterr().err


def test_a_file_that_cannot_be_read_is_one_line_and_no_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(check, "read_limits", lambda: read_limits(tmp_path / "limits.toml"))
    assert main([]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("limits.toml cannot be read: ")


def costs(convert: float) -> Costs:
    return Costs(convert, convert_floor=1.0, new=2.0, floor=1.0, repeat=1.0)


def test_what_is_too_large_is_measured_again_and_the_least_counts() -> None:
    times = iter([costs(5.0), costs(4.0), costs(3.1), costs(9.0)])
    limits = Limits(margin=0.1, python="3.11", known={"a/convert/floor": 3.0})
    assert measured(limits, ["a"], lambda _vendor: next(times))["a/convert/floor"] == 3.1
    assert next(times) == costs(9.0)


def test_what_stays_too_large_is_given_up_and_is_a_problem() -> None:
    limits = Limits(margin=0.1, python="3.11", known=dict.fromkeys(costs(4.0).ratios("a"), 3.0))
    ratios = measured(limits, ["a"], lambda _vendor: costs(4.0))
    assert [line.partition(":")[0] for line in problems(ratios, limits)] == ["a/convert/floor"]


def test_the_floor_counts_with_its_least_too_so_noise_in_it_hides_nothing() -> None:
    noisy = Costs(4.0, convert_floor=1.2, new=2.0, floor=1.0, repeat=1.0)
    clean = Costs(4.4, convert_floor=1.0, new=2.5, floor=1.0, repeat=1.0)
    assert noisy.least(clean).ratios("a")["a/convert/floor"] == 4.0


def test_the_limits_of_the_repository_name_what_is_measured() -> None:
    names = {name for vendor in MIXES for name in costs(1.0).ratios(vendor)}
    assert read_limits().known.keys() == names


def test_sides_are_timed_by_turns_and_a_batch_counts_with_its_fastest_time() -> None:
    now, order = 0.0, list[str]()

    def side(name: str, seconds: Iterator[float]) -> Callable[[int], None]:
        def call(item: int) -> None:
            nonlocal now
            order.append(f"{name}{item}")
            now += next(seconds)

        return call

    slow, fast = (side(name, noisy(seconds)) for name, seconds in (("slow", 3e-6), ("fast", 1e-6)))
    micros = micros_by_turns((slow, range(30)), (fast, range(30)), clock=lambda: now)
    assert micros == pytest.approx([3.0, 1.0])
    assert order[:50] == [f"{name}{item}" for name in ("slow", "fast") for item in range(25)]


def noisy(seconds: float) -> Iterator[float]:
    """Yields the time of each call: some passes over each batch are disturbed."""
    for number in itertools.count():
        yield seconds * (10 if number % 75 < 25 else 1)
