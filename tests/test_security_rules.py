"""The settings of the connection: which go together, secrets in files, and that no text shows a secret."""

from pathlib import Path

import pytest
from rich.pretty import pretty_repr

from app.environment import load, variables
from app.errors import InvalidSettings
from app.settings import SECRETS
from tests.cli.command import run

SECRET = "s3nt1nel"
LOGIN = {"SASL_USERNAME": "alice", "SASL_PASSWORD": SECRET}
SCRAM = {**LOGIN, "SECURITY_PROTOCOL": "SASL_SSL", "SASL_MECHANISM": "SCRAM-SHA-512"}
PLAINTEXT = {**LOGIN, "SECURITY_PROTOCOL": "SASL_PLAINTEXT", "SASL_MECHANISM": "PLAIN"}
TOKEN = {"SECURITY_PROTOCOL": "SASL_SSL", "SASL_MECHANISM": "OAUTHBEARER", "SASL_TOKEN_FILE": "token"}
MUTUAL = {"SECURITY_PROTOCOL": "SSL", "SSL_CERTIFICATE_FILE": "a", "SSL_KEY_FILE": "b", "SSL_CA_FILE": "c"}


def refusal(**environment: str) -> str:
    with pytest.raises(InvalidSettings) as refused:
        load(environment)
    assert SECRET not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize(
    "environment",
    [
        {"SECURITY_PROTOCOL": "SSL"},
        {"SECURITY_PROTOCOL": "SSL", "SSL_CERTIFICATE_FILE": "a"},
        {**MUTUAL, "SSL_KEY_PASSWORD": SECRET},
        SCRAM,
        {**SCRAM, "SSL_CA_FILE": "c", "SSL_CERTIFICATE_FILE": "a"},
        {**SCRAM, "SASL_MECHANISM": "plain"},
        TOKEN,
        {**PLAINTEXT, "ALLOW_PLAINTEXT_CREDENTIALS": "true"},
    ],
)
def test_what_is_complete_is_accepted(environment: dict[str, str]) -> None:
    load(environment)


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        (
            PLAINTEXT,
            (
                "SECURITY_PROTOCOL=SASL_PLAINTEXT sends credentials without TLS: use SASL_SSL, or set"
                " ALLOW_PLAINTEXT_CREDENTIALS=true"
            ),
        ),
        (
            LOGIN,
            (
                "SECURITY_PROTOCOL=PLAINTEXT has no login, but SASL_USERNAME and SASL_PASSWORD is set: use"
                " SASL_SSL"
            ),
        ),
        (
            {**MUTUAL, "SASL_TOKEN_FILE": "token"},
            "SECURITY_PROTOCOL=SSL has no login, but SASL_TOKEN_FILE is set: use SASL_SSL",
        ),
        (
            {"SSL_CA_FILE": "c"},
            "SECURITY_PROTOCOL=PLAINTEXT uses no TLS, but SSL_CA_FILE is set: use SSL or SASL_SSL",
        ),
        (
            {**PLAINTEXT, "ALLOW_PLAINTEXT_CREDENTIALS": "true", "SSL_CERTIFICATE_FILE": "a"},
            (
                "SECURITY_PROTOCOL=SASL_PLAINTEXT uses no TLS, but SSL_CERTIFICATE_FILE is set: use SSL or"
                " SASL_SSL"
            ),
        ),
        (
            {"SECURITY_PROTOCOL": "SSL", "SSL_KEY_FILE": "b"},
            "SSL_KEY_FILE is set, but SSL_CERTIFICATE_FILE is not",
        ),
        (
            {**SCRAM, "SASL_MECHANISM": ""},
            "SASL_MECHANISM: needed with SECURITY_PROTOCOL=SASL_SSL",
        ),
        (
            {"SECURITY_PROTOCOL": "SASL_SSL", "SASL_MECHANISM": "PLAIN"},
            (
                "SASL_USERNAME: needed with SASL_MECHANISM=PLAIN; SASL_PASSWORD: needed with"
                " SASL_MECHANISM=PLAIN"
            ),
        ),
        (
            {**TOKEN, "SASL_TOKEN_FILE": ""},
            "SASL_TOKEN_FILE: needed with SASL_MECHANISM=OAUTHBEARER",
        ),
        (
            {**TOKEN, "SASL_USERNAME": "alice"},
            "SASL_MECHANISM=OAUTHBEARER does not use SASL_USERNAME, which is set",
        ),
        (
            {**SCRAM, "SASL_TOKEN_FILE": "token"},
            "SASL_MECHANISM=SCRAM-SHA-512 does not use SASL_TOKEN_FILE, which is set",
        ),
        ({**SCRAM, "SECURITY_PROTOCOL": "TLS"}, "SECURITY_PROTOCOL: expected one of PLAINTEXT, SSL, "),
        (
            {**SCRAM, "SASL_MECHANISM": "GSSAPI"},
            "SASL_MECHANISM: expected one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER",
        ),
        ({**SCRAM, "SASL_PASSWORD": f"{SECRET}\n"}, "SASL_PASSWORD: expected one line of up to 4096"),
    ],
)
def test_what_would_be_less_safe_than_it_looks_is_refused(environment: dict[str, str], said: str) -> None:
    found = refusal(**environment)
    assert found == said or (said.endswith((" SSL, ", " 4096")) and found.startswith(said))


@pytest.mark.parametrize("secret", sorted(SECRETS))
def test_a_secret_may_be_in_a_file(secret: str, tmp_path: Path) -> None:
    file, name = tmp_path / "secret", f"{secret.upper()}_FILE"
    needed = {
        "sasl_password": {k: v for k, v in SCRAM.items() if k != "SASL_PASSWORD"},
        "ssl_key_password": MUTUAL,
    }.get(secret, {})
    for content in (SECRET, f"{SECRET}\n", f"{SECRET}\r\n"):
        file.write_bytes(content.encode())
        assert getattr(load({**needed, name: str(file)}), secret) == SECRET

    assert refusal(**needed, **{name: str(file), secret.upper(): SECRET}) == (
        f"{secret.upper()} and {name} are both set"
    )
    for unusable, problem in (
        (b"", "the file is empty"),
        (b"\xff", "the file is not UTF-8"),
        (f"{SECRET}\n{SECRET}\n".encode(), "expected "),
        (b"a" * 70_000, "the file has more than 65536 bytes"),
    ):
        file.write_bytes(unusable)
        assert refusal(**needed, **{name: str(file)}).startswith(f"{name}: {problem}")
    for path in (tmp_path / "none", tmp_path, Path("/dev/zero"), tmp_path / ("a" * 300)):
        assert refusal(**needed, **{name: str(path)}).startswith(f"{name}: ")


def test_every_secret_has_a_variable_for_a_file() -> None:
    names = {variable.name for variable in variables()}
    for secret in SECRETS:
        assert {secret.upper(), f"{secret.upper()}_FILE"} <= names


def test_no_text_of_the_settings_shows_a_secret() -> None:
    settings = load({**SCRAM, "SSL_CERTIFICATE_FILE": "a", "SSL_KEY_PASSWORD": SECRET, "HTTP_TOKEN": SECRET})
    assert all(getattr(settings, secret) == SECRET for secret in SECRETS)
    for text in (repr(settings), str(settings), f"{settings}", pretty_repr(settings)):
        assert SECRET not in text
        assert "sasl_password='***'" in text
        assert "sasl_username='alice'" in text


def test_config_shows_secrets_as_stars(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(SECRET)
    ours = {**SCRAM, "SASL_PASSWORD": "", "SASL_PASSWORD_FILE": str(file), "HTTP_TOKEN": SECRET}
    done = run("config", ours=ours)
    assert (done.returncode, done.stderr) == (0, b"")
    assert SECRET.encode() not in done.stdout
    lines = done.stdout.decode().splitlines()
    assert {"SASL_PASSWORD=***", "HTTP_TOKEN=***", "SASL_USERNAME=alice"} <= set(lines)
    assert f"SASL_PASSWORD_FILE={file}" in lines
