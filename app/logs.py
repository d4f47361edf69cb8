"""Structured logs, one line an event, on standard error: for people or as JSON.

Set up before Faust is started: with a root logger at DEBUG every send would build a log record.

Of an exception only the type and the places are shown. Its text may quote a payload (a
UnicodeDecodeError's does), and so may the local variables that rich shows beside a traceback.
"""

import logging
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

import structlog
from aiokafka.errors import GroupCoordinatorNotAvailableError
from structlog.typing import EventDict, WrappedLogger

# Their information is about every fetch and rebalance; ours is in metrics and in the lane's own lines.
_NOISY = ("aiokafka", "faust", "mode", "asyncio", "aiohttp")

# What aiokafka 0.14 calls an error or a warning and is neither, as it happens in each first start or join:
# its text, and the type of the exception in it. Told at debug. What stays wrong shows in `/readyz`.
_COORDINATOR: Final = "aiokafka.consumer.group_coordinator"
_NO_PROBLEM: Final[Mapping[str, type[BaseException] | None]] = {
    # The broker makes its topic of offsets when the first group asks for a coordinator, and answers error 15
    # until it has; aiokafka asks again (`ensure_coordinator_known`).
    "Group Coordinator Request failed: %s": GroupCoordinatorNotAvailableError,
    # How every member but the one that joins or leaves hears of a rebalance (`_do_heartbeat`).
    "Heartbeat failed for group %s because it is rebalancing": None,
}


def set_up_logs(form: Literal["console", "json"], level: str) -> None:
    shared: list[structlog.typing.Processor] = [
        _places_of_failure,
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


def _places_of_failure(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    info = event.pop("exc_info", None)
    problem = info[1] if isinstance(info, tuple) else None
    if isinstance(problem, BaseException):
        frames = traceback.extract_tb(problem.__traceback__)
        event["failure"] = type(problem).__name__
        event["at"] = " > ".join(f"{Path(each.filename).name}:{each.lineno} {each.name}" for each in frames)
    return event


def _no_texts_of_exceptions(record: logging.LogRecord) -> bool:
    """Faust and mode put the exception itself into the message, asyncio into the lines after the first."""
    if isinstance(record.args, tuple):
        record.args = tuple(type(it).__name__ if isinstance(it, BaseException) else it for it in record.args)
    if record.name == "asyncio":
        record.msg, record.args = record.getMessage().partition("\n")[0], ()
    return True


def _no_service_chatter(record: logging.LogRecord) -> bool:
    """Mode tells of each start and stop of each of its services, under the names of our subclasses."""
    return record.levelno >= logging.WARNING or not str(record.msg).startswith("[^")


def _no_false_alarm(record: logging.LogRecord) -> bool:
    """Demotes to debug what is in `_NO_PROBLEM`."""
    if record.name != _COORDINATOR or record.msg not in _NO_PROBLEM:
        return True
    expected = _NO_PROBLEM[record.msg]
    if expected is not None and not any(isinstance(each, expected) for each in record.args or ()):
        return True
    record.levelno, record.levelname = logging.DEBUG, "DEBUG"
    return logging.getLogger().isEnabledFor(logging.DEBUG)
