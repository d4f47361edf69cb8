"""`make broker`: the embedded Kafka in the foreground, for a worker in another terminal."""

import signal
import sys
import time
from types import FrameType

from app.embedded_kafka import EmbeddedKafka, EmbeddedKafkaError

_LOOK_SECONDS = 0.5


def run_broker(port: int | None, *, stock: bool = False) -> int:
    """Run one node until Ctrl-C or SIGTERM; returns the exit code.

    Prints the bootstrap address, alone on a line, on standard output once the broker serves; everything
    else goes to standard error. `port` None takes a free one; `stock` leaves Kafka's own
    defaults, which tests replace. 0 after an orderly end, 1 with one line if
    the broker cannot start or goes away by itself. Call it in the main thread: it handles SIGTERM.
    """
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        with EmbeddedKafka(port=port, stock=stock, progress=_say) as kafka:
            print(kafka.bootstrap, flush=True)
            _say("Ctrl-C stops it; its data goes with it")
            while kafka.pid():
                time.sleep(_LOOK_SECONDS)
    except KeyboardInterrupt:
        _say("Kafka: stopped")
    except EmbeddedKafkaError as error:
        print(error, file=sys.stderr)
        if error.log_tail:
            print(error.log_tail, file=sys.stderr)
        return 1
    finally:
        signal.signal(signal.SIGTERM, before)
    return 0


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
