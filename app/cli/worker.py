"""`rollcall worker`: one worker process, until SIGTERM."""

import asyncio
import logging
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.engine import run
from app.gauges import Gauges
from app.gc_tuning import tune_collector
from app.health import Answers, http_server
from app.logs import set_up_logs
from app.metrics import Metrics
from app.operations import Operations
from app.settings import Settings
from app.status_report import StatusReport
from app.topic_admin import prepare_topics
from app.topic_check import check_rights, check_topics
from app.topics import TopicDescription
from app.worker import Worker
from app.worker_statuses import StatusReader

logger = logging.getLogger(__name__)


def run_worker(settings: Settings) -> int:
    """Returns the exit code: 0 after SIGTERM or SIGINT, 70 if the worker stopped to protect data.

    Raises BrokerUnreachable, AccessRefused, TopicsError and HttpServerFailed."""
    set_up_logs(settings.log_format, settings.log_level)
    # The engine replaces this handler. Until then there is nothing to finish, so the process may end at once.
    # In a container it is the first process, and Linux ignores SIGTERM for that if it has no handler.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    topics = asyncio.run(checked_topics(settings))
    worker = Worker(settings, Metrics(settings.vendor_names), topics)
    tune_collector()
    return run(worker.app, stop_deadline=settings.stop_deadline, beside=_beside(worker.operations))


async def checked_topics(settings: Settings) -> dict[str, TopicDescription]:
    """Returns the topics on the broker, and logs what is only worse than it could be.

    Raises BrokerUnreachable, AccessRefused, and TopicsError if a worker must not start with these topics or
    lacks a right on one of them.
    """
    topics = await prepare_topics(settings, create=settings.topics_create)
    for warning in check_topics(settings, topics):
        logger.warning("%s", warning)
    check_rights(settings, topics)
    return topics


@asynccontextmanager
async def _beside(operations: Operations) -> AsyncIterator[None]:
    settings, report = operations.settings, StatusReport(operations)
    answers = Answers(
        refresh=Gauges(operations).refresh,
        problems=operations.problems,
        stuck=operations.stuck,
        restore=operations.restore,
        status=report.body,
        workers=StatusReader(report.body, settings.other_workers).body,
        pause=operations.pause,
        resume=operations.resume,
    )
    server = http_server(
        settings.http_host, settings.http_port, operations.metrics, answers, settings.http_token
    )
    async with server, operations.watching():
        with operations.watchdog():
            yield
