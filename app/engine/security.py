"""How a client of aiokafka connects and logs in. It is one of the options of every client of the engine."""

import ssl
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from aiokafka.abc import AbstractTokenProvider

Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]


class TokenUnreadable(OSError):
    """There is no token to log in with. It is an OSError because aiokafka then tries again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSecurity:
    """The security of all connections of a process. Its text has no secret.

    `context` is needed for SSL and SASL_SSL, `mechanism` for SASL_SSL and SASL_PLAINTEXT, `token_provider`
    for OAUTHBEARER, `username` and `password` for the other mechanisms.
    """

    protocol: Protocol = "PLAINTEXT"
    context: ssl.SSLContext | None = None
    mechanism: Mechanism = ""
    username: str = ""
    password: str = field(default="", repr=False)
    token_provider: AbstractTokenProvider | None = None

    @property
    def uses_tls(self) -> bool:
        return self.protocol in ("SSL", "SASL_SSL")

    def options(self) -> dict[str, Any]:
        """Returns what every client of aiokafka takes."""
        options: dict[str, Any] = {"security_protocol": self.protocol, "ssl_context": self.context}
        if self.mechanism == "OAUTHBEARER":
            options |= {"sasl_mechanism": self.mechanism, "sasl_oauth_token_provider": self.token_provider}
        elif self.mechanism:
            options |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password,
            }
        return options


PLAINTEXT: Final = ClientSecurity()
"""Without TLS and without a login."""
