"""How every client of a process connects to the brokers: the settings in, the options of aiokafka out.

No other module may say where the brokers are or how to log in; tests/test_connection.py finds a client that
is made without this.
"""

import asyncio
import logging
from functools import lru_cache
from typing import Any

from aiokafka.abc import AbstractTokenProvider

from app.engine import ClientSecurity, TokenUnreadable
from app.secret_files import secret_in
from app.settings import Settings
from app.tls_context import tls_context

logger = logging.getLogger(__name__)


class TokenFile(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka has no types
    """The token in a file, which another program renews."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._said = ""

    async def token(self) -> str:
        """Returns what the file has now. aiokafka calls it for each connection. Raises TokenUnreadable."""
        text, problem = await asyncio.to_thread(secret_in, self._path)
        text = text.strip()
        if not problem and not (text.isascii() and text.isprintable() and " " not in text):
            problem = "the file has no token"
        if problem:
            line = f"SASL_TOKEN_FILE: {problem}"
            if line != self._said:
                self._said = line
                logger.warning("%s", line)
            raise TokenUnreadable(line)
        self._said = ""
        return text


@lru_cache
def _token_file(path: str) -> TokenFile:
    """Returns one for all clients of the process, so that a problem is said once."""
    return TokenFile(path)


def client_security(settings: Settings) -> ClientSecurity:
    """Returns how clients connect and log in. Raises InvalidSettings if a file of TLS cannot be used."""
    protocol = settings.security_protocol
    return ClientSecurity(
        protocol=protocol,
        context=tls_context(settings) if protocol in ("SSL", "SASL_SSL") else None,
        mechanism=settings.sasl_mechanism,
        username=settings.sasl_username,
        password=settings.sasl_password,
        token_provider=_token_file(settings.sasl_token_file) if settings.sasl_token_file else None,
    )


def connection_options(settings: Settings) -> dict[str, Any]:
    """Returns what every client of aiokafka takes to connect. Raises InvalidSettings if a file of TLS cannot
    be used."""
    return {"bootstrap_servers": settings.bootstrap, **client_security(settings).options()}
