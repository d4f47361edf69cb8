"""Settings: which values an environment may have, and the one line for a value that it may not have."""

from typing import Literal, get_origin, get_type_hints

import pytest

from app.environment import load, variables
from app.errors import InvalidSettings
from app.settings import Settings
from app.vendors import VENDORS, Options

SECRET = "s3nt1nel"


def refusal(**environment: str) -> str:
    with pytest.raises(InvalidSettings) as refused:
        load(environment)
    return str(refused.value)


def test_an_empty_environment_gives_the_defaults() -> None:
    assert load({}) == Settings()
    assert load(dict.fromkeys(VARIABLES, "")) == Settings()


VARIABLES = [variable.name for variable in variables()]


def test_every_variable_is_named_once_and_explained() -> None:
    assert len(set(VARIABLES)) == len(VARIABLES)
    assert all(variable.help for variable in variables())
    for name in ("BROKER_URL", "APP_ID", "TOPICS_CREATE", "BROKER_WAIT", "HTTP_HOST", "HTTP_PORT"):
        assert name in VARIABLES
    for vendor in VENDORS:
        assert {f"TOPIC_{vendor.upper()}", f"TENANT_{vendor.upper()}"} <= set(VARIABLES)


def test_each_default_is_a_value_that_may_be_set() -> None:
    said = {variable.name: str(variable.default) for variable in variables()}
    settings = load(said)
    for vendor in VENDORS:
        assert settings.topic_of(vendor) == Settings().topic_of(vendor)
        assert settings.options_of(vendor) == Settings().options_of(vendor)


def test_values_are_read_by_their_types() -> None:
    settings = load({"TOPICS_CREATE": "true", "HTTP_PORT": "0", "BROKER_WAIT": "1.5", "APP_ID": "crew"})
    assert (settings.topics_create, settings.http_port, settings.broker_wait) == (True, 0, 1.5)
    assert settings.changelogs == ("crew-users-changelog", "crew-loyalty-changelog")


def test_vendors_have_their_own_topic_and_tenant() -> None:
    settings = load({"TOPIC_FYND": "shop", "TENANT_FYND": "acme", "MAX_RECORD_BYTES": "10"})
    assert (settings.topic_of("fynd"), settings.topic_of("amity")) == ("shop", "vendor.amity.users")
    assert settings.options_of("fynd") == Options(tenant="acme", max_record_bytes=10)
    assert settings.options_of("amity") == Options(max_record_bytes=10)


def test_all_vendors_are_read_unless_some_are_chosen() -> None:
    assert load({}).vendor_names == tuple(VENDORS)
    for chosen in ("magine,fynd", "fynd,magine", "FYND,Magine", "fynd,magine,fynd"):
        assert load({"VENDORS": chosen}).vendor_names == ("fynd", "magine")
    for vendor in VENDORS:
        assert load({"VENDORS": vendor}).vendor_names == (vendor,)


@pytest.mark.parametrize("value", ["magin", "magine,", ",magine", "magine,,fynd", "magine, fynd", "all", "."])
def test_what_is_no_list_of_vendors_is_told_the_names(value: str) -> None:
    names = ", ".join(VENDORS)
    assert refusal(VENDORS=value) == f"VENDORS: expected names of {names}, separated by commas alone"


def test_settings_of_vendors_that_are_not_read_do_no_harm() -> None:
    settings = load({"VENDORS": "fynd", "TOPIC_MAGINE": "users.events", "TENANT_AMITY": "acme"})
    assert settings.vendor_names == ("fynd",)
    assert refusal(VENDORS="fynd,magine", TOPIC_MAGINE="users.events").endswith(" are the same topic")


@pytest.mark.parametrize(
    ("url", "bootstrap"),
    [
        ("kafka://a:1", "a:1"),
        ("kafka://a:1,kafka://b:2", "a:1,b:2"),
        ("a:1,b:2", "a:1,b:2"),
        ("[::1]:9092", "[::1]:9092"),
        ("localhost", "localhost"),
    ],
)
def test_a_broker_url_may_be_written_in_several_ways(url: str, bootstrap: str) -> None:
    assert load({"BROKER_URL": url}).bootstrap == bootstrap


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BROKER_URL", "http://a:1"),
        ("BROKER_URL", "a:b"),
        ("BROKER_URL", "a:65536"),
        ("BROKER_URL", ","),
        ("APP_ID", "a b"),
        ("APP_ID", "a" * 231),
        ("TOPIC_EVENTS", "a/b"),
        ("TOPIC_MAGINE", "a/b"),
        ("TENANT_MAGINE", "\udcff"),
        ("BROKER_WAIT", "soon"),
        ("BROKER_WAIT", "-1"),
        ("BROKER_WAIT", "inf"),
        ("BROKER_WAIT", "nan"),
        ("SESSION_TIMEOUT", "0"),
        ("COMMIT_INTERVAL", "0"),
        ("WATCHDOG_SECONDS", "1.9"),
        ("DEAD_LETTER_SHARE", "50"),
        ("DEAD_LETTER_WINDOW", "0"),
        ("TOPICS_CREATE", "maybe"),
        ("PARTITIONS_EVENTS", "0"),
        ("PARTITIONS_EVENTS", "1.5"),
        ("PARTITIONS_EVENTS", str(2**31)),
        ("REPLICATION_FACTOR", str(2**15)),
        ("MAX_RECORD_BYTES", "1 MiB"),
        ("COMPRESSION", "brotli"),
        ("HTTP_PORT", "65536"),
        ("HTTP_PORT", "-1"),
        ("LOG_FORMAT", "xml"),
        ("LOG_LEVEL", "loud"),
        ("GROUP_INSTANCE_ID", "a b"),
        ("GROUP_INSTANCE_ID", "."),
        ("GROUP_INSTANCE_ID", ".."),
        ("GROUP_INSTANCE_ID", "a" * 250),
        ("GROUP_INSTANCE_ID", "a\n"),
        ("HTTP_TOKEN", "two words"),
        ("HTTP_TOKEN", "line\n"),
        ("HTTP_TOKEN", "\u00fc"),
        ("HTTP_TOKEN", "a" * 1025),
        ("TOPIC_EVENTS", "events\n"),
        ("APP_ID", "crew\n"),
        ("BROKER_URL", "a:1\n"),
    ],
)
def test_a_malformed_value_is_refused_by_its_name(name: str, value: str) -> None:
    said = refusal(**{name: value})
    assert said.startswith(f"{name}: ")
    assert "\n" not in said


def test_a_refusal_names_every_problem_and_quotes_no_value() -> None:
    lines = {"SASL_USERNAME", *(name for name in VARIABLES if name.startswith("SSL_"))}
    lines |= {"SASL_PASSWORD", *(name for name in VARIABLES if name.endswith("_FILE"))}
    free_text = {"HTTP_HOST", *lines, *(name for name in VARIABLES if name.startswith("TENANT_"))}
    environment = {name: f"{SECRET} / {SECRET}" for name in VARIABLES if name not in free_text}
    environment |= dict.fromkeys(lines, f"{SECRET}\n{SECRET}")
    said = refusal(**environment, BROKER_ULR=SECRET)
    assert all(f"{name}: " in said for name in environment)
    assert "BROKER_ULR is no setting" in said
    assert SECRET not in said
    assert "\n" not in said


CLOSED = {
    "ISOLATION_LEVEL": ["read_committed", "read_uncommitted"],
    "LOG_LEVEL": ["debug", "info", "warning", "error"],
    "LOG_FORMAT": ["console", "json"],
    "COMPRESSION": ["none", "gzip", "snappy", "lz4", "zstd"],
    "SECURITY_PROTOCOL": ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"],
    "SASL_MECHANISM": ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"],
}
SWITCHES = {"TOPICS_CREATE", "RECOVERY_MERGE_ALL", "ALLOW_PLAINTEXT_CREDENTIALS"}
LOGIN = {"SASL_USERNAME": "alice", "SASL_PASSWORD": SECRET}
COMPLETE = {
    "SASL_SSL": {**LOGIN, "SASL_MECHANISM": "PLAIN"},
    "SASL_PLAINTEXT": {**LOGIN, "SASL_MECHANISM": "PLAIN", "ALLOW_PLAINTEXT_CREDENTIALS": "true"},
    "OAUTHBEARER": {"SECURITY_PROTOCOL": "SASL_SSL", "SASL_TOKEN_FILE": "token"},
    "PLAIN": {**LOGIN, "SECURITY_PROTOCOL": "SASL_SSL"},
    "SCRAM-SHA-256": {**LOGIN, "SECURITY_PROTOCOL": "SASL_SSL"},
    "SCRAM-SHA-512": {**LOGIN, "SECURITY_PROTOCOL": "SASL_SSL"},
}
"""What else has to be set with a value, so that it is accepted."""
BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def test_closed_values_are_taken_in_any_case() -> None:
    for name, values in CLOSED.items():
        for value in values:
            for said in (value, value.upper(), value.title(), value.swapcase()):
                assert getattr(load({**COMPLETE.get(value, {}), name: said}), name.lower()) == value
    for name in SWITCHES:
        for value, meant in BOOLEANS.items():
            for said in (value, value.upper(), value.title()):
                assert getattr(load({name: said}), name.lower()) is meant


def test_every_closed_setting_is_in_this_test() -> None:
    hints = get_type_hints(Settings)
    assert {name.upper() for name, hint in hints.items() if get_origin(hint) is Literal} == {*CLOSED}
    assert {name.upper() for name, hint in hints.items() if hint is bool} == SWITCHES


def test_a_value_outside_of_a_closed_set_is_told_the_set() -> None:
    assert refusal(LOG_LEVEL="loud") == "LOG_LEVEL: expected one of debug, info, warning, error"


def test_free_text_keeps_its_case() -> None:
    settings = load({"APP_ID": "Crew", "TENANT_FYND": "ACME", "HTTP_TOKEN": "AbC"})
    assert (settings.app_id, settings.tenant_vendors["fynd"], settings.http_token) == ("Crew", "ACME", "AbC")


@pytest.mark.parametrize(
    "environment",
    [
        {"TOPIC_FYND": "vendor.amity.users"},
        {"TOPIC_EVENTS": "vendor.amity.users"},
        {"TOPIC_DEAD_LETTER": "users.events"},
        {"TOPIC_EVENTS": "rollcall-users-changelog"},
        {"TOPIC_USERS": "rows", "TOPIC_LOYALTY": "rows"},
        {"TOPIC_LOYALTY": "rollcall-users-changelog"},
    ],
)
def test_two_roles_of_one_topic_are_refused(environment: dict[str, str]) -> None:
    assert refusal(**environment).endswith(" are the same topic")


def test_the_changelogs_have_the_names_of_their_settings_or_those_of_the_app_id() -> None:
    assert load({"APP_ID": "crew"}).changelogs == ("crew-users-changelog", "crew-loyalty-changelog")
    assert load({"APP_ID": "crew", "TOPIC_USERS": "new-users"}).changelogs == (
        "new-users",
        "crew-loyalty-changelog",
    )
    assert load({"TOPIC_USERS": "a", "TOPIC_LOYALTY": "b"}).changelogs == ("a", "b")
