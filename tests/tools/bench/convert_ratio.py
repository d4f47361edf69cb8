"""Compares, in one process, what `convert` does for a body with the least that this can cost."""

import time
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from app.canonical import encode_event
from app.cli.convert import Line
from app.outcome import Emit
from app.vendors import VENDORS, Options, Vendor, convert
from tests.tools.bench.bodies import bodies
from tests.tools.bench.turns import micros_by_turns

# A year after the first event, because an event may not be more than a day newer than its record.
RECORDED_MS: Final = 1_735_689_600_000
RATIO_BODIES: Final = 5_000
ROUNDS: Final = 9
# Each batch is timed often, and a hundred bodies of each kind of event tell as much as thousands.
_BODIES_BY_TURNS: Final = 1_000

_OPTIONS: Final = Options()
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def ratio_to_floor(vendor: str) -> float:
    """Returns how much more a body costs to convert, up to the encoded events, than to decode and encode. All
    bodies in a row are timed together, so they come from memory, and the garbage collector counts."""
    lines = _lines(vendor, RATIO_BODIES)
    pairs = [(_seconds(_converting(vendor), lines), _seconds(_pay, lines)) for _ in range(ROUNDS)]
    return min(ours for ours, _ in pairs) / min(floor for _, floor in pairs)


def convert_and_floor(vendor: str) -> tuple[float, float]:
    """Returns the CPU microseconds of a body: to convert it, up to the encoded events, and to decode and
    encode it. A few bodies at a time are timed, so that an interruption of this process counts for little."""
    lines = _lines(vendor, _BODIES_BY_TURNS)
    ours, floor = micros_by_turns((_converting(vendor), lines), (_pay, lines))
    return ours, floor


def _lines(vendor: str, count: int) -> list[Line]:
    return [Line(offset, RECORDED_MS, [], body) for offset, body in enumerate(bodies(vendor, count))]


def _converting(name: str) -> Callable[[Line], None]:
    vendor: Vendor = VENDORS[name]

    def convert_line(line: Line) -> None:
        outcome = convert(vendor, line, "bench/0", _OPTIONS)
        if type(outcome) is Emit:
            for event in outcome.events:
                event.partitionkey.encode()
                encode_event(event)

    return convert_line


def _pay(line: Line) -> None:
    _encode(_decode(line.value or b""))


def _seconds(call: Callable[[Line], None], lines: Sequence[Line]) -> float:
    started = time.process_time()
    for line in lines:
        call(line)
    return time.process_time() - started
