"""A broker with one listener for each way to connect, and the certificates, users and tokens for them.

Its authorizer refuses everything that no rule allows. ALICE may do everything, and so may everybody on the
listener without security, which the tests use for their own work.
"""

import base64
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import trustme
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._scram import (
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from msgspec import Struct

from app.embedded_kafka import EmbeddedKafka
from app.embedded_kafka.properties import free_ports

ALICE: Final = "alice"
PASSWORD: Final = "s3nt1nel-of-alice"
KEY_PASSWORD: Final = "s3nt1nel-of-the-key"
_ISSUER, _AUDIENCE = "https://issuer.example", "rollcall"
_LISTENERS: Final = {
    "PLAINTEXT": "PLAINTEXT",
    "SECURE": "SASL_SSL",
    "MTLS": "SSL",
    "TOKENS": "SASL_SSL",
    "CLEAR": "SASL_PLAINTEXT",
    "MOVED": "SSL",
    "LOST": "PLAINTEXT",
    "CONTROLLER": "PLAINTEXT",
}
_JAAS: Final = "org.apache.kafka.common.security"
_TIMEOUT: Final = 60.0


class SecuredBroker(Struct, frozen=True):
    """The ports of the listeners, and the folder with the files.

    `ca.pem` has signed all certificates. `client.pem` and `client.key` are ALICE's; `locked.key` is the same
    key with KEY_PASSWORD. `other-ca.pem` and `other-client.pem` are of an authority that the broker does not
    know. `token`, `foreign-token` and `expired-token` are ALICE's; the foreign one has another signature.
    """

    folder: str
    door: int
    secure: int
    mtls: int
    tokens: int
    clear: int
    moved: int
    lost: int

    @property
    def broker(self) -> str:
        """The bootstrap servers of the listener without security."""
        return f"127.0.0.1:{self.door}"

    def file(self, name: str) -> str:
        return str(Path(self.folder) / name)

    def login(self, mechanism: str, user: str = ALICE, password: str = PASSWORD) -> dict[str, str]:
        """Returns the settings of a client with a user name and a password, over TLS."""
        return {
            "BROKER_URL": f"127.0.0.1:{self.secure}",
            "SECURITY_PROTOCOL": "SASL_SSL",
            "SASL_MECHANISM": mechanism,
            "SASL_USERNAME": user,
            "SASL_PASSWORD": password,
            "SSL_CA_FILE": self.file("ca.pem"),
        }

    def certificate(self, name: str = "client") -> dict[str, str]:
        """Returns the settings of a client with a certificate."""
        return {
            "BROKER_URL": f"127.0.0.1:{self.mtls}",
            "SECURITY_PROTOCOL": "SSL",
            "SSL_CA_FILE": self.file("ca.pem"),
            "SSL_CERTIFICATE_FILE": self.file(f"{name}.pem"),
            "SSL_KEY_FILE": self.file(f"{name}.key"),
        }

    def token(self, name: str = "token") -> dict[str, str]:
        """Returns the settings of a client with a token."""
        return {
            "BROKER_URL": f"127.0.0.1:{self.tokens}",
            "SECURITY_PROTOCOL": "SASL_SSL",
            "SASL_MECHANISM": "OAUTHBEARER",
            "SASL_TOKEN_FILE": self.file(name),
            "SSL_CA_FILE": self.file("ca.pem"),
        }


@contextmanager
def secured_broker(folder: Path) -> Iterator[str]:
    """Starts the broker, and gives the text that `parsed` reads."""
    with secured_kafka(folder) as (broker, _):
        yield msgspec.json.encode(broker).decode()


@contextmanager
def secured_kafka(folder: Path) -> Iterator[tuple[SecuredBroker, EmbeddedKafka]]:
    """Starts the broker, and gives it to a test that stops and starts it."""
    folder.mkdir(exist_ok=True)
    door, *others, controller = free_ports(8)
    broker = SecuredBroker(str(folder), door, *others)
    write_certificates(folder)
    _write_tokens(folder)
    ports = dict(zip(_LISTENERS, (door, *others, controller), strict=True))
    with (
        _allowed_url(folder / "jwks.json"),
        EmbeddedKafka(port=door, extra=_properties(folder, ports)) as kafka,
    ):
        for mechanism in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):
            add_user(broker.broker, ALICE, PASSWORD, mechanism)
        yield broker, kafka


def parsed(text: str) -> SecuredBroker:
    return msgspec.json.decode(text, type=SecuredBroker)


def add_user(
    bootstrap: str, user: str, password: str, mechanism: ScramMechanism = ScramMechanism.SCRAM_SHA_512
) -> None:
    """Makes a user, or gives one another password."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    wanted = UserScramCredentialUpsertion(user, ScramCredentialInfo(mechanism, 4096), password.encode())
    for future in admin.alter_user_scram_credentials([wanted], request_timeout=_TIMEOUT).values():
        future.result()


@contextmanager
def _allowed_url(file: Path) -> Iterator[None]:
    """Lets Kafka read the keys of tokens from a file. Only a property of the JVM can say so."""
    before = os.environ.get("JAVA_TOOL_OPTIONS")
    option = f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={file.as_uri()}"
    os.environ["JAVA_TOOL_OPTIONS"] = f"{before or ''} {option}".strip()
    try:
        yield
    finally:
        if before is None:
            del os.environ["JAVA_TOOL_OPTIONS"]
        else:
            os.environ["JAVA_TOOL_OPTIONS"] = before


def _properties(folder: Path, ports: Mapping[str, int]) -> dict[str, str]:
    local = "127.0.0.1"
    addresses = {name: f"{name}://{local}:{port}" for name, port in ports.items()}
    # Two listeners name other addresses: no certificate has the first, and nobody listens at the second.
    advertised = addresses | {"MOVED": f"MOVED://localhost:{ports['MOVED']}", "LOST": f"LOST://{local}:1"}
    del advertised["CONTROLLER"]
    plain = f'{_JAAS}.plain.PlainLoginModule required user_{ALICE}="{PASSWORD}";'
    scram = f"{_JAAS}.scram.ScramLoginModule required;"
    secure, tokens, clear = "listener.name.secure.", "listener.name.tokens.", "listener.name.clear."
    validation = {
        "sasl.oauthbearer.jwks.endpoint.url": (folder / "jwks.json").as_uri(),
        "sasl.oauthbearer.expected.issuer": _ISSUER,
        "sasl.oauthbearer.expected.audience": _AUDIENCE,
        # Without this class Kafka 4.1 accepts a token with any signature.
        "sasl.oauthbearer.jwt.validator.class": f"{_JAAS}.oauthbearer.BrokerJwtValidator",
    }
    return {
        "listeners": ",".join(addresses.values()),
        "advertised.listeners": ",".join(advertised.values()),
        "listener.security.protocol.map": ",".join(f"{name}:{kind}" for name, kind in _LISTENERS.items()),
        "controller.quorum.voters": f"0@{local}:{ports['CONTROLLER']}",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "false",
        "super.users": f"User:ANONYMOUS;User:{ALICE}",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(folder / "server.pem"),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(folder / "ca.pem"),
        "listener.name.mtls.ssl.client.auth": "required",
        "listener.name.mtls.ssl.principal.mapping.rules": r"RULE:^CN=([^,]+).*$/$1/,DEFAULT",
        f"{secure}sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
        f"{secure}plain.sasl.jaas.config": plain,
        f"{secure}scram-sha-256.sasl.jaas.config": scram,
        f"{secure}scram-sha-512.sasl.jaas.config": scram,
        f"{clear}sasl.enabled.mechanisms": "PLAIN",
        f"{clear}plain.sasl.jaas.config": plain,
        f"{tokens}sasl.enabled.mechanisms": "OAUTHBEARER",
        f"{tokens}oauthbearer.sasl.jaas.config": f"{_JAAS}.oauthbearer.OAuthBearerLoginModule required;",
        f"{tokens}oauthbearer.sasl.server.callback.handler.class": (
            f"{_JAAS}.oauthbearer.OAuthBearerValidatorCallbackHandler"
        ),
        **{f"{tokens}{name}": value for name, value in validation.items()},
        **{f"{tokens}oauthbearer.{name}": value for name, value in validation.items()},
    }


def write_certificates(folder: Path) -> None:
    """Writes all PEM files that `SecuredBroker` names, and `ca.key`, with which tests renew a certificate."""
    ours, other = trustme.CA(), trustme.CA()
    ours.cert_pem.write_to_path(folder / "ca.pem")
    other.cert_pem.write_to_path(folder / "other-ca.pem")
    server = ours.issue_cert("127.0.0.1")
    key_and_chain = _pkcs8(server) + b"".join(blob.bytes() for blob in server.cert_chain_pems)
    (folder / "server.pem").write_bytes(key_and_chain)
    write_client_certificate(ours, folder, "client", ALICE)
    write_client_certificate(other, folder, "other-client", ALICE)
    ours.private_key_pem.write_to_path(folder / "ca.key")
    locked = _pkcs8_of((folder / "client.key").read_bytes(), KEY_PASSWORD.encode())
    (folder / "locked.key").write_bytes(locked)
    (folder / "locked.pem").write_bytes((folder / "client.pem").read_bytes())


def write_client_certificate(
    authority: trustme.CA, folder: Path, name: str, user: str, until: datetime | None = None
) -> None:
    """Writes `name`.pem and `name`.key for this user, valid `until` then, or for years."""
    issued = authority.issue_cert(f"{user}.example", common_name=user, not_after=until)
    (folder / f"{name}.pem").write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    (folder / f"{name}.key").write_bytes(_pkcs8(issued))


def _pkcs8(issued: trustme.LeafCert) -> bytes:
    """Returns the private key in the only form that Kafka reads."""
    return _pkcs8_of(issued.private_key_pem.bytes())


def _pkcs8_of(pem: bytes, password: bytes = b"") -> bytes:
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    return load_pem_private_key(pem, None).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def _write_tokens(folder: Path) -> None:
    ours, foreign = (rsa.generate_private_key(65537, 2048) for _ in range(2))
    numbers = ours.public_key().public_numbers()
    key = {"kty": "RSA", "kid": "ours", "alg": "RS256", "use": "sig"}
    key |= {"n": _number(numbers.n), "e": _number(numbers.e)}
    (folder / "jwks.json").write_text(json.dumps({"keys": [key]}))
    now = int(time.time())
    claims = {"iss": _ISSUER, "aud": _AUDIENCE, "sub": ALICE, "iat": now - 3600, "exp": now + 86_400}
    (folder / "token").write_text(_jwt(ours, claims) + "\n")
    (folder / "foreign-token").write_text(_jwt(foreign, claims))
    (folder / "expired-token").write_text(_jwt(ours, {**claims, "exp": now - 1800}))


def _jwt(key: rsa.RSAPrivateKey, claims: Mapping[str, Any]) -> str:
    head = {"alg": "RS256", "typ": "JWT", "kid": "ours"}
    signed = ".".join(_base64(json.dumps(part).encode()) for part in (head, claims))
    return f"{signed}.{_base64(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def _number(number: int) -> str:
    return _base64(number.to_bytes((number.bit_length() + 7) // 8))


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
