"""The TLS context of all connections. It takes renewed certificates from the disk without a restart."""

import logging
import ssl
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Self

from msgspec import Struct

from app.errors import InvalidSettings
from app.settings import Settings

logger = logging.getLogger(__name__)

_NO_PASSWORD: Final = ""
"""OpenSSL would ask for the password of an encrypted key on the terminal if it got none."""

Fingerprint = tuple[tuple[int, int, int] | None, ...]


class TlsFiles(Struct, frozen=True):
    """The paths of PEM files; an empty one is not used. `key`: if it is empty, `certificate` has the key."""

    authorities: str = ""
    certificate: str = ""
    key: str = ""
    key_password: str = ""

    def __repr__(self) -> str:
        return f"TlsFiles({self.authorities!r}, {self.certificate!r}, {self.key!r})"

    def fingerprint(self) -> Fingerprint:
        """Returns what is different if a file was replaced or written again."""
        return tuple(map(_state, (self.authorities, self.certificate, self.key)))

    def context(self) -> ssl.SSLContext:
        """Returns a context with what the files have now. The certificate of a broker must be valid and have
        the broker's name. Raises InvalidSettings."""
        try:
            context = ssl.create_default_context(cafile=self.authorities or None)
        except (OSError, ValueError) as error:
            raise InvalidSettings(f"SSL_CA_FILE: {_why(error)}") from None
        if self.certificate:
            try:
                context.load_cert_chain(
                    self.certificate, self.key or None, password=self.key_password or _NO_PASSWORD
                )
            except (OSError, ValueError) as error:
                names = "SSL_CERTIFICATE_FILE and SSL_KEY_FILE" if self.key else "SSL_CERTIFICATE_FILE"
                raise InvalidSettings(f"{names}: {_why(error)}") from None
        return context


class RenewedContext(ssl.SSLContext):
    """A context that reads its files again for a connection if one of them has changed.

    While the new files cannot be used, for example because only one of two is written yet, it goes on with
    the old ones, says so once, and tries again for the next connection.
    """

    _files: TlsFiles
    _read: Fingerprint
    _refused: Fingerprint = ()
    _current: ssl.SSLContext

    def __new__(cls, _files: TlsFiles) -> Self:
        return super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)

    def __init__(self, files: TlsFiles) -> None:
        """Raises InvalidSettings if the files cannot be used."""
        super().__init__()
        self._files = files
        self._read = files.fingerprint()
        self._current = files.context()

    def wrap_bio(self, *arguments: Any, **options: Any) -> ssl.SSLObject:
        """Returns the TLS side of a new connection. asyncio calls this once for each."""
        return self._renewed().wrap_bio(*arguments, **options)

    def _renewed(self) -> ssl.SSLContext:
        found = self._files.fingerprint()
        if found != self._read:
            try:
                self._current = self._files.context()
            except InvalidSettings as problem:
                if found != self._refused:
                    logger.warning("the changed certificates are not used, the old ones are: %s", problem)
                self._refused = found
            else:
                self._read = found
                logger.info("new connections use the certificates that have changed on disk")
        return self._current


def tls_context(settings: Settings) -> ssl.SSLContext:
    """Returns the context for connections to the brokers, one for all clients of the process. Raises
    InvalidSettings if a file cannot be used."""
    return _context_of(
        TlsFiles(
            settings.ssl_ca_file,
            settings.ssl_certificate_file,
            settings.ssl_key_file,
            settings.ssl_key_password,
        )
    )


@lru_cache
def _context_of(files: TlsFiles) -> RenewedContext:
    return RenewedContext(files)


def _state(path: str) -> tuple[int, int, int] | None:
    if not path:
        return None
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def _why(error: Exception) -> str:
    """Returns what is wrong with a file, without anything of its content."""
    if isinstance(error, ssl.SSLError):
        reason = error.reason or "not readable"
        return f"no usable PEM file ({reason.lower().replace('_', ' ')})"
    if isinstance(error, OSError):
        return f"the file cannot be read: {error.strerror or type(error).__name__}"
    return "no usable PEM file"
