"""What `rollcall top` draws."""

from io import StringIO

from msgspec.structs import replace
from rich.console import Console

from app.status import Status
from app.top.screen import draw
from app.top.totals import sources
from tests.top.test_totals import BY_OPERATOR, RESTORING, partition, status, topic

URL = "http://127.0.0.1:1"


def drawn(*workers: Status, silent: tuple[str, ...] = (), rates: tuple[dict[str, float], ...] = ()) -> str:
    console = Console(file=StringIO(), width=160)
    found = {f"{URL}{number}": each for number, each in enumerate(workers)}
    console.print(draw(found, sources(workers, rates), dict(enumerate(silent))))  # type: ignore[arg-type]
    written = console.file
    assert isinstance(written, StringIO)
    return written.getvalue()


def cells(text: str, beginning: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if line.startswith(beginning)]
    return line.split()


def test_each_source_and_each_worker_has_a_line() -> None:
    magine = topic("magine", partition(0, lag=1_234), partition(1, paused=BY_OPERATOR))
    one = status(magine, topic("events", partition(0, lag=0)), received=5_000, applied=4_990, seconds=7_200.0)
    text = drawn(one, rates=({"magine": 1_500.4},))
    assert text.startswith("group rollcall: 1 of 1 workers\n")
    assert cells(text, "magine")[:9] == ["magine", "2", "1,500", "1,234", "20.6", "min", "5,000", "2", "3"]
    assert text.count(f"1: {BY_OPERATOR}") == 1
    # Nobody knows its rate.
    assert cells(text, "events") == ["events", "1", "0", "0.0", "s", "4,994", "0", "4"]
    assert cells(text, "rollcall-1") == [
        *("rollcall-1", "ready", "2.0", "h", "8", "1,234", "42", "99.80", "%"),
        *("0.0", "s", "0.0", "s", "1", "0.2.0"),
    ]


def test_problems_and_silent_workers_are_said() -> None:
    ill = replace(status(), ready=False, problems=["the group is rebalancing"])
    text = drawn(ill, silent=("no answer of a worker at http://a:1: Connection refused",))
    assert "group rollcall: 1 of 2 workers" in text
    assert "rollcall-1  not ready" in text
    assert "rollcall-1: the group is rebalancing\n" in text
    assert "no answer of a worker at http://a:1: Connection refused\n" in text
    restoring = replace(ill, restore=RESTORING)
    assert "restoring, 1.5 min left" in drawn(restoring)
    assert "restoring  " in drawn(replace(restoring, restore=replace(RESTORING, seconds_left=None)))


def test_a_server_that_is_no_worker_cannot_write_to_the_terminal() -> None:
    hostile = replace(status(), instance="\x1b[2J[bold]x", problems=["\x1b]0;title\x07", "two\nlines"])
    text = drawn(hostile)
    assert not [each for each in text if not (each.isprintable() or each == "\n")]
    assert "[bold]x" in text
    assert "two\N{REPLACEMENT CHARACTER}lines" in text
