"""Which settings of the connection go together. A setting that would have no effect is refused, because the
connection would then be less safe than its owner believes."""

from collections.abc import Iterable
from typing import Final

from app.settings import Settings

_LOGIN: Final = ("sasl_username", "sasl_password")
_TOKEN: Final = ("sasl_token_file",)
_OF_SASL: Final = ("sasl_mechanism", *_LOGIN, *_TOKEN)
_OF_CLIENT_CERTIFICATE: Final = ("ssl_key_file", "ssl_key_password")
_OF_TLS: Final = ("ssl_ca_file", "ssl_certificate_file", *_OF_CLIENT_CERTIFICATE)

SECURITY: Final = (
    "security_protocol",
    "allow_plaintext_credentials",
    "ssl_key_password_file",
    "sasl_password_file",
    *_OF_TLS,
    *_OF_SASL,
)
"""The fields that say how a client connects and logs in."""


def security_problems(settings: Settings) -> list[str]:
    """Returns one line for each problem; empty if the settings of the connection can be used."""
    protocol, mechanism = settings.security_protocol, settings.sasl_mechanism
    problems = []
    if protocol in ("PLAINTEXT", "SASL_PLAINTEXT") and (names := _set(settings, _OF_TLS)):
        problems.append(f"SECURITY_PROTOCOL={protocol} uses no TLS, but {names} is set: use SSL or SASL_SSL")
    if not settings.ssl_certificate_file and (names := _set(settings, _OF_CLIENT_CERTIFICATE)):
        problems.append(f"{names} is set, but SSL_CERTIFICATE_FILE is not")
    if protocol in ("PLAINTEXT", "SSL"):
        if names := _set(settings, _OF_SASL):
            problems.append(f"SECURITY_PROTOCOL={protocol} has no login, but {names} is set: use SASL_SSL")
        return problems
    if protocol == "SASL_PLAINTEXT" and not settings.allow_plaintext_credentials:
        problems.append(
            "SECURITY_PROTOCOL=SASL_PLAINTEXT sends credentials without TLS: use SASL_SSL, or set"
            " ALLOW_PLAINTEXT_CREDENTIALS=true"
        )
    if not mechanism:
        return [*problems, f"SASL_MECHANISM: needed with SECURITY_PROTOCOL={protocol}"]
    needed, unused = (_TOKEN, _LOGIN) if mechanism == "OAUTHBEARER" else (_LOGIN, _TOKEN)
    missing = [name.upper() for name in needed if not getattr(settings, name)]
    problems += [f"{name}: needed with SASL_MECHANISM={mechanism}" for name in missing]
    if names := _set(settings, unused):
        problems.append(f"SASL_MECHANISM={mechanism} does not use {names}, which is set")
    return problems


def _set(settings: Settings, fields: Iterable[str]) -> str:
    """Returns the names of those fields that have a value, as variables."""
    return " and ".join(name.upper() for name in fields if getattr(settings, name))
