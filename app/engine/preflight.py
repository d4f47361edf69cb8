"""Finds out why a client cannot connect. aiokafka logs each reason and raises only that no broker answers."""

import asyncio
import ssl
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    IllegalSaslStateError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from app.engine.security import ClientSecurity, TokenUnreadable

Address = tuple[str, int]

_SECONDS: Final = 10.0
"""The time for one attempt at one broker."""


class ConnectProblem(NamedTuple):
    """One line that says what is wrong, and whether it stays wrong until somebody mends it. If not, a broker
    that is just starting or stopping may be the cause."""

    line: str
    lasting: bool


async def connect_problem(bootstrap: str, security: ClientSecurity) -> ConnectProblem | None:
    """Returns why brokers refuse a client; None if one of them accepts it, or if no bootstrap server listens.

    It connects to a bootstrap server and asks for the addresses of the brokers, which a client uses from then
    on, and then to one of those. No line has a secret.
    """
    servers = [(host, port) for host, port, _ in collect_hosts(bootstrap)]
    advertised, problem = await _first_that_accepts(servers, security)
    if not advertised or set(advertised) & set(servers):
        return problem
    accepted, problem = await _first_that_accepts(advertised, security)
    if accepted or problem:
        return problem
    host, port = advertised[0]
    return ConnectProblem(
        f"{bootstrap} answers, but no broker does at the address that it names, {host}:{port} (see the"
        " brokers' advertised.listeners)",
        lasting=False,
    )


async def _first_that_accepts(
    addresses: Sequence[Address], security: ClientSecurity
) -> tuple[list[Address], ConnectProblem | None]:
    """Returns the addresses of all brokers, as the first server says that accepts the client; if none does,
    no address and the problem, if one is known."""
    found: list[ConnectProblem] = []
    for host, port in addresses:
        try:
            async with asyncio.timeout(_SECONDS):
                return await _ask(host, port, security), None
        except (KafkaError, OSError, ValueError, AssertionError) as error:
            if problem := await _explain(error, host, port, security):
                found.append(problem)
    return [], max(found, key=lambda problem: problem.lasting, default=None)


async def _ask(host: str, port: int, security: ClientSecurity) -> list[Address]:
    connection = await create_conn(
        host, port, request_timeout_ms=round(_SECONDS * 1000), **security.options()
    )
    try:
        answer = await connection.send(MetadataRequest([]))
    finally:
        connection.close()
    if not answer.brokers:
        raise _NoAnswer
    return [(broker[1], broker[2]) for broker in answer.brokers]


class _NoAnswer(KafkaError):
    """A broker always lists itself. aiokafka takes what a broker says about a refused token for the answer to
    the next request, and that has no brokers."""


async def _explain(error: Exception, host: str, port: int, security: ClientSecurity) -> ConnectProblem | None:
    at = f"the broker at {host}:{port}"
    mechanism = f"SASL_MECHANISM={security.mechanism}"
    cause = _cause(error)
    match cause:
        case SaslAuthenticationFailed() if security.mechanism == "OAUTHBEARER":
            return ConnectProblem(f"{at} refuses the token (SASL_TOKEN_FILE)", lasting=False)
        case SaslAuthenticationFailed():
            return ConnectProblem(
                f"{at} refuses the login with {mechanism}: SASL_USERNAME or SASL_PASSWORD is wrong, or the"
                " user has no password for this mechanism",
                lasting=True,
            )
        case UnsupportedSaslMechanismError():
            return ConnectProblem(f"{at} does not allow {mechanism} on this port", lasting=True)
        case IllegalSaslStateError():
            return ConnectProblem(f"{at} has no login on this port: see SECURITY_PROTOCOL", lasting=True)
        case ssl.SSLCertVerificationError():
            return ConnectProblem(
                f"the certificate of {at} is not accepted ({cause.verify_message}): see SSL_CA_FILE, and the"
                " names in the certificate",
                lasting=True,
            )
        case ssl.SSLError() if "CERTIFICATE" in (cause.reason or "") or "UNKNOWN_CA" in (cause.reason or ""):
            return ConnectProblem(
                f"{at} does not accept the client's certificate, or wants one ({_words(cause)}): see"
                " SSL_CERTIFICATE_FILE",
                lasting=True,
            )
        case TokenUnreadable():
            return ConnectProblem(str(cause), lasting=False)
        case ConnectionRefusedError() | TimeoutError():
            return None
    return await _guess(cause, at, (host, port), security)


async def _guess(
    cause: BaseException, at: str, address: Address, security: ClientSecurity
) -> ConnectProblem | None:
    """Returns the likely problem if a connection was closed without a reason."""
    if not security.uses_tls:
        if await _speaks_tls(*address):
            return ConnectProblem(
                f"{at} expects TLS on this port: set SECURITY_PROTOCOL to SSL or SASL_SSL", lasting=True
            )
    elif isinstance(cause, ssl.SSLError | ConnectionResetError | ConnectionAbortedError):
        return ConnectProblem(
            f"{at} does not answer with TLS on this port: is SECURITY_PROTOCOL={security.protocol} right?",
            lasting=False,
        )
    elif security.protocol == "SSL":
        wants = "a client's certificate (SSL_CERTIFICATE_FILE) or a login (SECURITY_PROTOCOL=SASL_SSL)"
        return ConnectProblem(f"{at} closes the connection: it may want {wants}", lasting=False)
    if not isinstance(cause, KafkaError | EOFError | ConnectionError):
        return None
    if security.mechanism == "OAUTHBEARER":
        return ConnectProblem(f"{at} refuses the token (SASL_TOKEN_FILE): it may be expired", lasting=False)
    return ConnectProblem(
        f"{at} closes the connection: is SECURITY_PROTOCOL={security.protocol} right?", lasting=False
    )


def _cause(error: BaseException) -> BaseException:
    """Returns the first cause. aiokafka wraps the reason for which a connection ends."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _words(error: ssl.SSLError) -> str:
    return (error.reason or "").lower().replace("_", " ")


async def _speaks_tls(host: str, port: int) -> bool:
    """Returns whether a TLS server listens there, with whatever certificate. Nothing is sent to it."""
    context: Any = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with suppress(OSError):  # ssl.SSLError and TimeoutError are OSErrors
        async with asyncio.timeout(_SECONDS):
            _, writer = await asyncio.open_connection(host, port, ssl=context)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        return True
    return False
