"""`rollcall broker`: the embedded Kafka in the foreground, for a worker in another terminal."""

import signal
import sys
import time
from types import FrameType

from app.embedded_kafka import EmbeddedKafka, EmbeddedKafkaError

_LOOK_SECONDS = 0.5


def run_broker(port: int | None, *, stock: bool = False) -> int:
    """Runs one node until Ctrl-C or SIGTERM. Returns the exit code: 0 after such an end, 1 with the reason on
    standard error if the broker cannot start or ends by itself.

    When the broker serves, its bootstrap address is printed alone on a line of standard output; all else goes
    to standard error. `port`: None takes a free one. `stock`: keep the defaults that Kafka ships with, some
    of which tests replace. Call it in the main thread, because it handles SIGTERM.
    """
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        with EmbeddedKafka(port=port, stock=stock, progress=_say) as kafka:
            print(kafka.bootstrap, flush=True)
            _say("Ctrl-C stops the broker and removes its data")
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
