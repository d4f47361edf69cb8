"""Structured logs on standard error, one line an event, for people or as JSON.

They have to be set up before Faust starts: with a root logger at DEBUG, every send would build a log record.

A line about an exception shows the type and the lines of code only. The text of an exception may quote a
payload (that of a UnicodeDecodeError does), and so may the local variables that rich prints beside a
traceback.
"""

import logging
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

from aiokafka.errors import GroupCoordinatorNotAvailableError

from app.hidden_import import hidden

# Of structlog only the colours and tracebacks of `structlog.dev` use rich, and no line here has a traceback.
with hidden("rich"):
    import structlog
    from structlog.typing import EventDict, WrappedLogger

# At INFO these libraries log every fetch and rebalance. A worker's metrics and the engine's own lines say it
# shorter.
_NOISY = ("aiokafka", "faust", "mode", "asyncio", "aiohttp")

# Lines that aiokafka 0.14 logs as errors or warnings although nothing is wrong, because they come with each
# first start or join, or that the engine says better: the text, and the type of the exception in it. They are
# logged at debug. If the problem remains, `/readyz` shows it.
_COORDINATOR: Final = "aiokafka.consumer.group_coordinator"
_NO_PROBLEM: Final[Mapping[str, type[BaseException] | None]] = {
    # When the first group asks for its coordinator, the broker creates the topic of offsets, and it answers
    # with error 15 until that is done. aiokafka asks again (`ensure_coordinator_known`).
    "Group Coordinator Request failed: %s": GroupCoordinatorNotAvailableError,
    # A member learns in this way that another one joins or leaves (`_do_heartbeat`).
    "Heartbeat failed for group %s because it is rebalancing": None,
    # These come with each attempt to join a group that refuses. The engine says each cause once
    # (`app/engine/consumer/coordinator_watch.py`).
    "Attempt to join group failed due to fatal error: %s": None,
    "Unexpected error in join group '%s' response: %s": None,
    "Unexpected error from SyncGroup: %s": None,
    "Heartbeat failed: %r": None,
}


def set_up_logs(form: Literal["console", "json"], level: str) -> None:
    """Replaces the handlers of the root logger. `form` and `level`: LOG_FORMAT and LOG_LEVEL."""
    shared: list[structlog.typing.Processor] = [
        _lines_of_failure,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_no_false_alarm)
    handler.addFilter(_no_service_chatter)
    handler.addFilter(_no_texts_of_exceptions)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _NOISY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def _lines_of_failure(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    info = event.pop("exc_info", None)
    problem = info[1] if isinstance(info, tuple) else None
    if isinstance(problem, BaseException):
        frames = traceback.extract_tb(problem.__traceback__)
        event["failure"] = type(problem).__name__
        event["at"] = " > ".join(f"{Path(each.filename).name}:{each.lineno} {each.name}" for each in frames)
    return event


def _no_texts_of_exceptions(record: logging.LogRecord) -> bool:
    """Removes the text of exceptions from a record. Faust and mode pass the exception as an argument of the
    message; asyncio shows it in the lines after the first."""
    if isinstance(record.args, tuple):
        record.args = tuple(type(it).__name__ if isinstance(it, BaseException) else it for it in record.args)
    if record.name == "asyncio":
        record.msg, record.args = record.getMessage().partition("\n")[0], ()
    return True


def _no_service_chatter(record: logging.LogRecord) -> bool:
    """Drops mode's lines about the start and stop of each service, which are logged under the names of the
    engine's modules."""
    return record.levelno >= logging.WARNING or not str(record.msg).startswith("[^")


def _no_false_alarm(record: logging.LogRecord) -> bool:
    """Logs the lines of `_NO_PROBLEM` at debug."""
    if record.name != _COORDINATOR or record.msg not in _NO_PROBLEM:
        return True
    expected = _NO_PROBLEM[record.msg]
    if expected is not None and not any(isinstance(each, expected) for each in record.args or ()):
        return True
    record.levelno, record.levelname = logging.DEBUG, "DEBUG"
    return logging.getLogger().isEnabledFor(logging.DEBUG)
