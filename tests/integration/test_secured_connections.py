"""Workers and commands on listeners with TLS and logins, and the one line with which a broker's refusal is
told."""

import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaConnectionError

from app.admin_client import connect
from app.connection import connection_options
from app.demo.names import without_ours, worker_settings
from app.environment import load
from app.errors import AccessRefused
from app.topic_admin import describe_topics, prepare_topics
from tests.cli.command import run
from tests.integration.worker import NOT_EXPELLED, Site
from tests.kafka import consume_all, produce
from tests.secured_broker import ALICE, KEY_PASSWORD, PASSWORD, SecuredBroker
from tests.tools.bench.bodies import bodies
from tests.waiting import GIVE_UP_SECONDS

SECRETS = (PASSWORD, KEY_PASSWORD, "eyJ")  # each token begins with the last one
CLEAR = {
    "SECURITY_PROTOCOL": "SASL_PLAINTEXT",
    "SASL_MECHANISM": "PLAIN",
    "SASL_USERNAME": ALICE,
    "SASL_PASSWORD": PASSWORD,
    "ALLOW_PLAINTEXT_CREDENTIALS": "true",
}


def at(port: int) -> dict[str, str]:
    return {"BROKER_URL": f"127.0.0.1:{port}"}


def ways(secured: SecuredBroker) -> dict[str, dict[str, str]]:
    """Returns the settings of each way to connect."""
    return {
        "PLAIN": secured.login("PLAIN"),
        "SCRAM-SHA-256": secured.login("SCRAM-SHA-256"),
        "SCRAM-SHA-512": secured.login("SCRAM-SHA-512"),
        "mutual TLS": {**secured.certificate("locked"), "SSL_KEY_PASSWORD": KEY_PASSWORD},
        "OAUTHBEARER": secured.token(),
        "in the clear": {**CLEAR, **at(secured.clear)},
    }


@pytest.mark.traced
def test_a_worker_runs_with_each_way_to_log_in(
    secured: SecuredBroker, unique: Callable[[str], str], tmp_path: Path
) -> None:
    """One after the other: each writes events, dead letters and rows, commits, and reads the rows of the one
    before it."""
    site = Site(secured.broker, unique, tmp_path, **NOT_EXPELLED)
    site.create_vendor_topics()
    known = ways(secured)
    for number, name in enumerate(("PLAIN", "SCRAM-SHA-512", "mutual TLS", "OAUTHBEARER"), 1):
        settings = known[name]
        with site.worker(**settings, LOG_LEVEL="debug") as worker:
            worker.wait_ready()
            assert worker.count("rollcall_recovered_records_total") == number - 1, name
            body = list(bodies("magine", number))[-1]
            produce(site.broker, site.settings.topic_of("magine"), [(None, body), (None, b"{")])
            site.wait_at_rest()
            worker.stop()
            said = worker.stderr()
        assert not [secret for secret in SECRETS if secret in said], name
        assert "Traceback" not in said
    assert len(consume_all(site.broker, site.settings.topic_events)) == number
    assert len(consume_all(site.broker, site.settings.topic_dead_letter)) == number


def refusals(secured: SecuredBroker) -> list[tuple[dict[str, str], str]]:
    """Returns settings, and the end of the line with which a command refuses them."""
    tls = {name: value for name, value in secured.certificate().items() if name.startswith("SSL_CA")}
    login = (
        "refuses the login with SASL_MECHANISM={}: SASL_USERNAME or SASL_PASSWORD is wrong, or the user has"
        " no password for this mechanism"
    )
    certificate = "does not accept the client's certificate, or wants one ("
    return [
        (secured.login("PLAIN", password="x"), login.format("PLAIN")),
        (secured.login("SCRAM-SHA-256", password="x"), login.format("SCRAM-SHA-256")),
        (secured.login("SCRAM-SHA-512", user="nobody"), login.format("SCRAM-SHA-512")),
        (
            {**secured.login("PLAIN"), **at(secured.tokens)},
            "does not allow SASL_MECHANISM=PLAIN on this port",
        ),
        (
            {**secured.login("PLAIN"), "SSL_CA_FILE": secured.file("other-ca.pem")},
            "): see SSL_CA_FILE, and the names in the certificate",
        ),
        (
            {**secured.login("PLAIN"), "BROKER_URL": f"localhost:{secured.secure}"},
            "is not accepted (Hostname mismatch, certificate is not valid for 'localhost'.): see",
        ),
        ({**tls, **at(secured.mtls), "SECURITY_PROTOCOL": "SSL"}, certificate),
        (secured.certificate("other-client"), certificate),
        (at(secured.secure), "expects TLS on this port: set SECURITY_PROTOCOL to SSL or SASL_SSL"),
        (
            {**CLEAR, **at(secured.secure)},
            "expects TLS on this port: set SECURITY_PROTOCOL to SSL or SASL_SSL",
        ),
        (
            {**secured.login("PLAIN"), **at(secured.door)},
            "does not answer with TLS on this port: is SECURITY_PROTOCOL=SASL_SSL right?",
        ),
        ({**CLEAR, **at(secured.door)}, "has no login on this port: see SECURITY_PROTOCOL"),
        (at(secured.clear), "closes the connection: is SECURITY_PROTOCOL=PLAINTEXT right?"),
        (
            {**secured.certificate(), **at(secured.secure)},
            (
                "closes the connection: it may want a client's certificate (SSL_CERTIFICATE_FILE) or a login"
                " (SECURITY_PROTOCOL=SASL_SSL)"
            ),
        ),
        # The bootstrap server accepts the client, but what it names does not.
        (
            {**tls, **at(secured.moved), "SECURITY_PROTOCOL": "SSL"},
            f"the certificate of the broker at localhost:{secured.moved} is not accepted (Hostname mismatch",
        ),
        (
            at(secured.lost),
            (
                f"127.0.0.1:{secured.lost} answers, but no broker does at the address that it names,"
                " 127.0.0.1:1 (see the brokers' advertised.listeners)"
            ),
        ),
        # The broker's default would accept a foreign signature: then the other two show nothing.
        (secured.token("foreign-token"), "refuses the token (SASL_TOKEN_FILE): it may be expired"),
        (secured.token("expired-token"), "refuses the token (SASL_TOKEN_FILE): it may be expired"),
        (secured.token("no-token"), "SASL_TOKEN_FILE: no such file"),
    ]


async def test_a_refusal_is_told_with_its_reason(secured: SecuredBroker) -> None:
    for settings in ways(secured).values():
        admin = await connect(load(settings), time.monotonic() + GIVE_UP_SECONDS)
        assert (await admin.describe_cluster())["brokers"]
        await admin.close()
    for settings, reason in refusals(secured):
        with pytest.raises(AccessRefused) as refused:
            await prepare_topics(load({**settings, "BROKER_WAIT": "0"}), create=False)
        assert reason in str(refused.value), settings["BROKER_URL"]
        assert "\n" not in str(refused.value)
        assert not [secret for secret in SECRETS if secret in str(refused.value)]


async def test_a_worker_that_looks_at_its_topics_is_told_the_reason(secured: SecuredBroker) -> None:
    for settings, reason in (
        (secured.login("PLAIN", password="x"), "refuses the login"),
        (secured.token("expired-token"), "refuses the token"),
    ):
        with pytest.raises(AccessRefused, match=reason):
            await describe_topics(load(settings))


def test_commands_and_workers_tell_it_in_one_line(
    secured: SecuredBroker, unique: Callable[[str], str], tmp_path: Path
) -> None:
    for settings, command in (
        (secured.token("foreign-token"), ["leave", "a"]),
        ({**secured.certificate(), "SSL_CA_FILE": secured.file("none.pem")}, ["topics"]),
    ):
        done = run(*command, ours={**settings, "BROKER_WAIT": "0"})
        assert (done.returncode, done.stdout) == (1, b"")
        assert done.stderr.count(b"\n") == 1
        assert done.stderr.startswith(b"rollcall: ")
        assert b"no broker" not in done.stderr
    site = Site(secured.broker, unique, tmp_path)
    assert "refuses the login" in site.refused(**secured.login("PLAIN", password="x"))


async def test_renewed_files_are_used_for_the_next_connection(secured: SecuredBroker, tmp_path: Path) -> None:
    """The options are those of one process: they are made once."""

    async def accepted(options: Mapping[str, object]) -> bool:
        admin = AIOKafkaAdminClient(**options)
        try:
            await admin.start()
            await admin.describe_cluster()
        except (KafkaConnectionError, OSError):
            return False
        finally:
            await admin.close()
        return True

    def copy(*files: str, to: str) -> None:
        for file in files:
            shutil.copy(secured.file(file), tmp_path / f"{to}{Path(file).suffix}")

    copy("client.pem", "client.key", to="ours")
    settings = secured.certificate()
    settings |= {"SSL_CERTIFICATE_FILE": f"{tmp_path}/ours.pem", "SSL_KEY_FILE": f"{tmp_path}/ours.key"}
    options = connection_options(load(settings))
    assert await accepted(options)
    copy("other-client.pem", "other-client.key", to="ours")
    assert not await accepted(options)
    copy("client.pem", "client.key", to="ours")
    assert await accepted(options)

    copy("foreign-token", to="token")
    options = connection_options(load({**secured.token(), "SASL_TOKEN_FILE": f"{tmp_path}/token"}))
    admin = AIOKafkaAdminClient(**options)
    await admin.start()  # aiokafka does not see that the token is refused
    assert not admin._client.cluster.brokers()
    await admin.close()
    copy("token", to="token")
    assert await accepted(options)


def test_the_demo_takes_the_login_of_a_broker_that_is_named(secured: SecuredBroker) -> None:
    for settings in ways(secured).values():
        ours = worker_settings({**settings, "LOG_LEVEL": "error"}, (), broker=None, port=1)
        assert settings.items() <= ours.items()
        assert "LOG_LEVEL" not in ours
        assert not without_ours(settings)
        embedded = worker_settings(settings, (), broker="127.0.0.1:1", port=1)
        assert load(embedded).security_protocol == "PLAINTEXT"
