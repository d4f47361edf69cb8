"""Structured logs, one line an event, on standard error: for people or as JSON.

Set up before Faust is started: with a root logger at DEBUG every send would build a log record.
"""

import logging
import sys
from typing import Literal

import structlog

# Their information is about every fetch and rebalance; ours is in metrics and in the lane's own lines.
_NOISY = ("aiokafka", "faust", "mode", "asyncio", "aiohttp")


def set_up_logs(form: Literal["console", "json"], level: str) -> None:
    shared: list[structlog.typing.Processor] = [
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
    handler.addFilter(_no_service_chatter)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_tracebacks(form),
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _NOISY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def _tracebacks(form: str) -> list[structlog.typing.Processor]:
    return [structlog.processors.format_exc_info] if form == "json" else []


def _no_service_chatter(record: logging.LogRecord) -> bool:
    """Mode tells of each start and stop of each of its services, under the names of our subclasses."""
    return record.levelno >= logging.WARNING or not str(record.msg).startswith("[^")
