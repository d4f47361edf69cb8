"""The TLS context, with real connections: it takes renewed certificates, and verifies its server."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from app.environment import load
from app.errors import InvalidSettings
from app.tls_context import tls_context
from tests.secured_broker import KEY_PASSWORD, write_certificates, write_client_certificate


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_certificates(tmp_path)
    return tmp_path


def context_of(folder: Path, **changed: str) -> ssl.SSLContext:
    files = {"SSL_CA_FILE": "ca.pem", "SSL_CERTIFICATE_FILE": "client.pem", "SSL_KEY_FILE": "client.key"}
    password = {"SSL_KEY_PASSWORD": changed.pop("SSL_KEY_PASSWORD", "")}
    named = {name: str(folder / file) for name, file in (files | changed).items() if file}
    return tls_context(load({**named, **password, "SECURITY_PROTOCOL": "SSL"}))


@asynccontextmanager
async def server(folder: Path, seen: list[str]) -> AsyncIterator[int]:
    """A server that demands a certificate, and notes whose it was. Gives its port."""

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        shown = writer.get_extra_info("peercert")
        seen.append(dict(pair for part in shown["subject"] for pair in part)["commonName"])
        writer.write(b"!")
        writer.close()

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(folder / "ca.pem"))
    context.load_cert_chain(folder / "server.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as listening:
        yield listening.sockets[0].getsockname()[1]


async def connect(port: int, context: ssl.SSLContext, host: str = "127.0.0.1") -> None:
    reader, writer = await asyncio.open_connection(host, port, ssl=context)
    try:
        assert await reader.read(1) == b"!"
    finally:
        writer.close()


async def test_a_renewed_certificate_is_taken_for_the_next_connection(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    context, seen = context_of(folder), list[str]()
    async with server(folder, seen) as port:
        await connect(port, context)
        authority = trustme.CA.from_pem((folder / "ca.pem").read_bytes(), (folder / "ca.key").read_bytes())
        old = {name: (folder / name).read_bytes() for name in ("client.pem", "client.key")}
        write_client_certificate(authority, folder, "client", "renewed")
        new = {name: (folder / name).read_bytes() for name in old}
        # The two files are never written at once: here the key is the old one for a while.
        (folder / "client.key").write_bytes(old["client.key"])
        for _ in range(2):
            await connect(port, context)
        (folder / "client.key").unlink()
        await connect(port, context)
        (folder / "client.key").write_bytes(new["client.key"])
        for _ in range(2):
            await connect(port, context)
    assert seen == ["alice", "alice", "alice", "alice", "renewed", "renewed"]
    said = [record.getMessage() for record in caplog.records if record.name == "app.tls_context"]
    assert len(said) == 3
    assert said[0].startswith("the changed certificates are not used, the old ones are: SSL_CERTIFICATE_FILE")
    assert said[1].endswith("the file cannot be read: No such file or directory")
    assert said[2] == "new connections use the certificates that have changed on disk"


async def test_renewed_authorities_replace_the_old_ones(folder: Path) -> None:
    context, seen = context_of(folder), list[str]()
    async with server(folder, seen) as port:
        await connect(port, context)
        (folder / "ca.pem").write_bytes((folder / "other-ca.pem").read_bytes())
        with pytest.raises(ssl.SSLCertVerificationError):
            await connect(port, context)


async def test_a_server_of_an_unknown_authority_or_another_name_is_refused(folder: Path) -> None:
    async with server(folder, []) as port:
        with pytest.raises(ssl.SSLCertVerificationError, match="certificate verify failed"):
            await connect(port, context_of(folder, SSL_CA_FILE="other-ca.pem"))
        with pytest.raises(ssl.SSLCertVerificationError, match="certificate verify failed"):
            await connect(port, context_of(folder, SSL_CA_FILE=""))  # those of the system
        with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
            await connect(port, context_of(folder), host="localhost")


async def test_a_key_may_have_a_password_or_be_in_the_certificates_file(folder: Path) -> None:
    both = (folder / "client.pem").read_bytes() + (folder / "client.key").read_bytes()
    (folder / "both.pem").write_bytes(both)
    seen: list[str] = []
    async with server(folder, seen) as port:
        await connect(port, context_of(folder, SSL_KEY_FILE="locked.key", SSL_KEY_PASSWORD=KEY_PASSWORD))
        await connect(port, context_of(folder, SSL_CERTIFICATE_FILE="both.pem", SSL_KEY_FILE=""))
    assert seen == ["alice", "alice"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"SSL_CA_FILE": "none"}, "SSL_CA_FILE: the file cannot be read: No such file or directory"),
        ({"SSL_CA_FILE": "ca.key"}, "SSL_CA_FILE: no usable PEM file ("),
        ({"SSL_CERTIFICATE_FILE": "none"}, "SSL_CERTIFICATE_FILE and SSL_KEY_FILE: the file cannot be read"),
        ({"SSL_KEY_FILE": ""}, "SSL_CERTIFICATE_FILE: no usable PEM file ("),
        ({"SSL_KEY_FILE": "other-client.key"}, "SSL_CERTIFICATE_FILE and SSL_KEY_FILE: no usable PEM file ("),
        # Without a password OpenSSL asks for it on the terminal, and the command would hang.
        ({"SSL_KEY_FILE": "locked.key"}, "SSL_CERTIFICATE_FILE and SSL_KEY_FILE: no usable PEM file ("),
    ],
)
def test_files_that_cannot_be_used_are_named(folder: Path, changed: dict[str, str], said: str) -> None:
    with pytest.raises(InvalidSettings) as refused:
        context_of(folder, **changed)
    assert str(refused.value).startswith(said)
    assert str(folder) not in str(refused.value)
