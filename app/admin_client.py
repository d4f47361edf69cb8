"""The admin client of the commands and of a worker: how it is made, and how it waits for a broker."""

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaConnectionError, KafkaError, NodeNotReadyError, RequestTimedOutError

from app.connection import client_security, connection_options
from app.engine import ConnectProblem, connect_problem
from app.errors import AccessRefused, BrokerUnreachable, RollcallError
from app.settings import Settings

_RETRY_SECONDS: Final = 0.5

AWAY: Final = (KafkaConnectionError, NodeNotReadyError, RequestTimedOutError, OSError)
"""A request that raises one of these has no answer: the connection has ended, or there was none."""

logger = logging.getLogger(__name__)


def admin_client(settings: Settings) -> AIOKafkaAdminClient:
    """Returns a client that is not started. Raises InvalidSettings if a file of TLS cannot be used."""
    return AIOKafkaAdminClient(**connection_options(settings), request_timeout_ms=10_000)


async def connect(settings: Settings, deadline: float) -> AIOKafkaAdminClient:
    """Returns a started client, which the caller closes. Waits for a broker until `deadline`, which is
    monotonic, in seconds.

    Raises BrokerUnreachable, AccessRefused as soon as it is certain that a broker refuses this client, and
    InvalidSettings if a file of TLS cannot be used.
    """
    said = ""
    while True:
        problem = await _token_problem(settings)
        admin = admin_client(settings)
        try:
            with _quiet_client():
                if problem is None:
                    await admin.start()
                    return admin
        except (KafkaError, OSError, ValueError):
            with _quiet_client():
                problem = await connect_problem(settings.bootstrap, client_security(settings))
        await admin.close()
        if time.monotonic() >= deadline or (problem and problem.lasting):
            raise _refusal(settings, problem, settings.broker_wait)
        line = problem.line if problem else f"waiting for the broker at {settings.bootstrap}"
        if line != said:
            said = line
            logger.info("%s", line)
        await asyncio.sleep(_RETRY_SECONDS)


async def unreachable(settings: Settings, waited: float = 0.0) -> RollcallError:
    """Returns the error that says why no broker has answered in `waited` seconds: BrokerUnreachable or
    AccessRefused."""
    with _quiet_client():
        problem = await connect_problem(settings.bootstrap, client_security(settings))
    return _refusal(settings, problem, waited)


async def _token_problem(settings: Settings) -> ConnectProblem | None:
    """Returns why a broker refuses the token. aiokafka connects in any case, and then no request has an
    answer."""
    if settings.sasl_mechanism != "OAUTHBEARER":
        return None
    with _quiet_client():
        return await connect_problem(settings.bootstrap, client_security(settings))


def _refusal(settings: Settings, problem: ConnectProblem | None, waited: float) -> RollcallError:
    if problem is not None:
        return AccessRefused(problem.line)
    within = f" within {waited:g} s" if waited else ""
    return BrokerUnreachable(f"no broker answered at {settings.bootstrap}{within}")


@contextmanager
def _quiet_client() -> Iterator[None]:
    """Silences aiokafka, and what it calls, while the context is open. `connect` says what is wrong once;
    aiokafka would log each attempt."""
    quiet = [logging.getLogger(name) for name in ("aiokafka", "app.connection")]
    before = [each.level for each in quiet]
    for each in quiet:
        each.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for each, level in zip(quiet, before, strict=True):
            each.setLevel(level)
