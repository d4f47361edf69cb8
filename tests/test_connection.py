"""The connection of every client: its options, the token in a file, and that no client is made without it."""

import ast
import asyncio
import inspect
from pathlib import Path

import aiokafka
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient

from app.connection import TokenFile, client_security, connection_options
from app.engine import ClientSecurity, TokenUnreadable, connect_problem
from app.environment import load
from app.worker_options import consumer_options, producer_options, tables_options
from tests.test_security_rules import MUTUAL, PLAINTEXT, SCRAM, SECRET, TOKEN

APP = Path(__file__).parents[1] / "app"
CLIENTS = {"AIOKafkaAdminClient", "AIOKafkaClient", "AIOKafkaConsumer", "AIOKafkaProducer", "create_conn"}
KIT = {"connection_options(settings)", "config.security.options()", "security.options()"}
# `client_options` adds those of the kit: this function is in the list below.
BY_FUNCTION = {"client_options(self.app.conf, self.config)"}


def clients_of(code: str) -> list[tuple[str, set[str]]]:
    """Returns the name of each client that is made, with the mappings from which it takes options."""
    return [
        (name, {ast.unparse(each.value) for each in node.keywords if each.arg is None})
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Call) and (name := ast.unparse(node.func).rpartition(".")[2]) in CLIENTS
    ]


def test_every_client_has_the_options_of_the_connection() -> None:
    found = [
        (path.relative_to(APP).as_posix(), *client)
        for path in sorted(APP.rglob("*.py"))
        for client in clients_of(path.read_text("utf-8"))
    ]
    assert {place for place, *_ in found} >= {
        "admin_client.py",
        "demo/look.py",
        "demo/publish.py",
        "demo/stage.py",
        "engine/consumer/client_thread.py",
        "engine/preflight.py",
        "engine/producer/producer_client.py",
        "engine/log_reader.py",
    }
    assert [each for each in found if not each[2] & (KIT | BY_FUNCTION)] == []
    options = (APP / "engine/consumer/client_options.py").read_text("utf-8")
    assert "**config.security.options()" in options


def test_every_set_of_the_engines_options_has_the_security() -> None:
    """Without it the options are those of a listener without TLS and login."""
    found = [
        (path.name, node.lineno, [ast.unparse(each) for each in node.keywords])
        for path in sorted(APP.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("ConsumerConfig", "ProducerConfig", "ReaderConfig")
    ]
    assert len(found) >= 3
    assert [each for each in found if "security=client_security(settings)" not in each[2]] == []


def test_the_scan_sees_a_client_without_the_options() -> None:
    assert clients_of("admin = aiokafka.AIOKafkaConsumer(bootstrap_servers=x)") == [
        ("AIOKafkaConsumer", set())
    ]
    assert clients_of("AIOKafkaProducer(**connection_options(settings), acks=1)") == [
        ("AIOKafkaProducer", {"connection_options(settings)"})
    ]


@pytest.mark.parametrize(
    "client", [AIOKafkaAdminClient, AIOKafkaClient, aiokafka.AIOKafkaConsumer, aiokafka.AIOKafkaProducer]
)
@pytest.mark.parametrize("environment", [{}, SCRAM, TOKEN], ids=["none", "scram", "token"])
def test_every_kind_of_client_takes_the_options(client: type, environment: dict[str, str]) -> None:
    assert connection_options(load(environment)).keys() <= inspect.signature(client).parameters.keys()


def test_the_options_say_what_the_settings_say() -> None:
    assert connection_options(load({"BROKER_URL": "kafka://a:1,b:2"})) == {
        "bootstrap_servers": "a:1,b:2",
        "security_protocol": "PLAINTEXT",
        "ssl_context": None,
    }
    scram = connection_options(load(SCRAM))
    assert scram.pop("ssl_context") is not None
    assert scram == {
        "bootstrap_servers": "127.0.0.1:9092",
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "alice",
        "sasl_plain_password": SECRET,
    }
    token = connection_options(load(TOKEN))
    assert token["sasl_mechanism"] == "OAUTHBEARER"
    assert isinstance(token["sasl_oauth_token_provider"], TokenFile)
    allowed = {**PLAINTEXT, "ALLOW_PLAINTEXT_CREDENTIALS": "true"}
    assert connection_options(load(allowed))["ssl_context"] is None


def test_no_options_of_the_engine_show_a_secret() -> None:
    settings = load(SCRAM)
    every = (consumer_options(settings), producer_options(settings), tables_options(settings))
    for options in (*every, client_security(settings)):
        assert "'alice'" in repr(options)
        assert SECRET not in repr(options)


def test_files_are_opened_only_for_tls() -> None:
    assert client_security(load({})) == ClientSecurity()
    with pytest.raises(Exception, match=r"^SSL_CA_FILE: the file cannot be read"):
        client_security(load(MUTUAL))


async def test_a_token_is_read_for_each_connection(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "token"
    provider = TokenFile(str(file))
    file.write_text("first\n")
    assert await provider.token() == "first"
    file.write_text("second")
    assert await provider.token() == "second"
    for content, why in (("", "the file is empty"), ("two words", "the file has no token")):
        file.write_text(content)
        for _ in range(2):
            with pytest.raises(TokenUnreadable, match=f"^SASL_TOKEN_FILE: {why}$"):
                await provider.token()
    assert [record.getMessage() for record in caplog.records] == [
        "SASL_TOKEN_FILE: the file is empty",
        "SASL_TOKEN_FILE: the file has no token",
    ]
    file.write_text("third")
    assert await provider.token() == "third"
    file.unlink()
    with pytest.raises(TokenUnreadable, match=r"^SASL_TOKEN_FILE: no such file$"):
        await provider.token()
    assert "third" not in caplog.text
    for content in ("\n", "ü", "a\x01b"):
        file.write_text(content)
        with pytest.raises(TokenUnreadable):
            await provider.token()


async def test_no_broker_is_no_problem_of_the_connection() -> None:
    assert await connect_problem("127.0.0.1:1,nowhere.invalid:1", ClientSecurity()) is None


async def test_a_server_that_says_nothing_is_a_problem_that_may_pass() -> None:
    """A broker that is stopping closes its connections in this way."""

    async def close(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(close, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        plain = await connect_problem(f"127.0.0.1:{port}", ClientSecurity())
        tls = await connect_problem(f"127.0.0.1:{port}", client_security(load({"SECURITY_PROTOCOL": "SSL"})))
    assert plain is not None
    assert tls is not None
    assert (plain.lasting, tls.lasting) == (False, False)
    assert plain.line.startswith(f"the broker at 127.0.0.1:{port} closes the connection")
    assert tls.line.startswith(f"the broker at 127.0.0.1:{port} does not answer with TLS on this port")
