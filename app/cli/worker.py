"""`rollcall worker`: one worker process, until SIGTERM."""

import asyncio
import logging
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.cli.failed import Failed
from app.collector import tune_collector
from app.health import HttpServerFailed, http_server
from app.lane import run
from app.logs import set_up_logs
from app.metrics import Metrics
from app.settings import Settings
from app.topic_rules import check_topics
from app.topics import BrokerUnreachable, TopicsError, prepare_topics
from app.worker import Worker

logger = logging.getLogger(__name__)


def run_worker(settings: Settings) -> int:
    """Exit code 0 after SIGTERM or SIGINT; 70 where it had to stop to protect data (contract, 7)."""
    set_up_logs(settings.log_format, settings.log_level)
    # Until the lane takes the signal over there is nothing to drain. Without a handler a container's
    # first process would not even hear of it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        found = asyncio.run(prepare_topics(settings, create=settings.topics_create))
        for warning in check_topics(settings, found):
            logger.warning("%s", warning)
        worker = Worker(settings, Metrics(), found)
        tune_collector()
        return run(worker.app, stop_deadline=settings.stop_deadline, beside=_beside(worker))
    except (BrokerUnreachable, TopicsError, HttpServerFailed) as error:
        raise Failed(str(error)) from None


@asynccontextmanager
async def _beside(worker: Worker) -> AsyncIterator[None]:
    settings = worker.settings
    server = http_server(
        settings.http_host,
        settings.http_port,
        worker.metrics,
        worker.refresh_gauges,
        worker.problems,
        worker.resume,
        settings.http_token,
    )
    async with server:
        with worker.watchdog():
            yield
