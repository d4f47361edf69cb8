"""Names of variables: every mistyped name of a setting is refused, and no name of another program is."""

import string
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from app.environment import load, variables
from app.errors import InvalidSettings
from app.setting_names import FOREIGN, is_service_link, mistake
from app.settings import Settings

NAMES = [variable.name for variable in variables()]
LETTERS = string.ascii_uppercase + string.digits + "_"


def slips(name: str) -> Iterator[str]:
    """Yields every name that is one edit away."""
    for at in range(len(name) + 1):
        yield from (name[:at] + letter + name[at:] for letter in LETTERS)
    for at in range(len(name)):
        yield name[:at] + name[at + 1 :]
        yield from (name[:at] + letter + name[at + 1 :] for letter in LETTERS)
        yield name[:at] + name[at + 1 : at + 2] + name[at] + name[at + 2 :]


@pytest.mark.parametrize("name", NAMES)
def test_every_slip_of_the_pen_is_refused(name: str) -> None:
    for slip in set(slips(name)) - {*NAMES, *FOREIGN}:
        assert not is_service_link(slip, "1")
        said = mistake(slip, NAMES)
        assert said
        assert said.startswith(f"{slip} is no setting, did you mean ")
        meant = said.removeprefix(f"{slip} is no setting, did you mean ").removesuffix("?")
        assert meant == name or slip in set(slips(meant))
    with pytest.raises(InvalidSettings):
        load({name[1:]: "1"})


def test_the_exceptions_are_few_and_needed() -> None:
    assert len(FOREIGN) == 8
    assert not FOREIGN & {*NAMES}
    assert all(any(name in slips(ours) for ours in NAMES) for name in FOREIGN)
    assert load(dict.fromkeys(FOREIGN, "1")) == Settings()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("TOPIC_MAGNE", "TOPIC_MAGINE"),
        ("BROKER_URLS", "BROKER_URL"),
        ("BROKER_ULR", "BROKER_URL"),
        ("PARTITION_EVENTS", "PARTITIONS_EVENTS"),
        ("PARTITION_EVENT", "PARTITIONS_EVENTS"),
        ("SESSION_TIMEOUTS", "SESSION_TIMEOUT"),
        ("TOPICS_CREAT", "TOPICS_CREATE"),
        ("CREATE_TOPICS", None),
        ("LOG_LEVLE", "LOG_LEVEL"),
        ("LOGLEVEL", "LOG_LEVEL"),
        ("TENANT_FYN", "TENANT_FYND"),
        ("HTTP_PROT", "HTTP_PORT"),
        ("app_id", "APP_ID"),
        ("App_Id", "APP_ID"),
        ("APPID", "APP_ID"),
        ("GRACE_PERIODS", "GRACE_PERIOD"),
        ("DEADLETTER_RETENTION", "DEAD_LETTER_RETENTION"),
        ("DEAD_LETTERS_RETENTIONS", "DEAD_LETTER_RETENTION"),
        ("TOPIC_ROCKET_CHAT", "TOPIC_ROCKETCHAT"),
        ("WATCHDOG_SECOND", "WATCHDOG_SECONDS"),
        ("ROLLCALL_APP_ID", "APP_ID"),
        ("ROLLCALL_LOG_LEVLE", "LOG_LEVEL"),
        ("rollcall_http_port", "HTTP_PORT"),
    ],
)
def test_a_name_that_is_nearly_ours_is_refused_with_the_right_one(name: str, meant: str | None) -> None:
    if meant is None:
        assert load({name: "x"}) == Settings()
        return
    with pytest.raises(InvalidSettings) as refused:
        load({name: "x"})
    assert str(refused.value) == f"{name} is no setting, did you mean {meant}?"


def test_a_name_with_our_own_prefix_is_refused() -> None:
    with pytest.raises(InvalidSettings, match=r"^ROLLCALL_X is no setting$"):
        load({"ROLLCALL_X": "x"})


SERVICES = [
    *("http", "https", "http2", "broker", "topic", "topics", "topic-events", "tenant", "tenant-fynd", "app"),
    *("app-id", "log", "log-level", "rollcall", "rollcall-http", "rollcall-worker", "kafka", "kafka-broker"),
    *("session", "partitions", "partitions-events", "compression", "events"),
]


def links(service: str) -> dict[str, str]:
    """Returns the variables that Kubernetes sets in each pod of a namespace with this service, and Docker for
    a link."""
    name = service.upper().replace("-", "_")
    found = {
        f"{name}_SERVICE_HOST": "10.0.0.1",
        f"{name}_SERVICE_PORT": "80",
        f"{name}_SERVICE_PORT_HTTP": "80",
        f"{name}_SERVICE_PORT_HTTP_METRICS": "9090",
        f"{name}_PORT": "tcp://10.0.0.1:80",
    }
    for protocol in ("TCP", "UDP", "SCTP"):
        for port in (80, 9092):
            link = f"{name}_PORT_{port}_{protocol}"
            found |= {
                link: f"{protocol.lower()}://10.0.0.1:{port}",
                f"{link}_PROTO": protocol.lower(),
                f"{link}_PORT": str(port),
                f"{link}_ADDR": "10.0.0.1",
            }
    return found


@pytest.mark.parametrize("service", [*SERVICES, *(name.lower() for name in NAMES)])
def test_the_links_of_a_service_are_ignored(service: str) -> None:
    assert load(links(service)) == Settings()


@pytest.mark.parametrize(
    "value", ["tcp://10.0.0.1:80", "udp://[fd00::1]:53", "TCP://x:1", "sctp://a.b:38412"]
)
def test_a_link_in_the_place_of_a_port_leaves_the_default(value: str) -> None:
    assert load({"HTTP_PORT": value}).http_port == Settings().http_port


@pytest.mark.parametrize("value", ["tcp://10.0.0.1", "http://10.0.0.1:80", "tcp://", "10.0.0.1:80"])
def test_what_is_no_link_is_still_malformed(value: str) -> None:
    with pytest.raises(InvalidSettings, match=r"^HTTP_PORT: "):
        load({"HTTP_PORT": value})


def test_a_link_is_one_by_its_name_or_its_value() -> None:
    assert not is_service_link("HTTP_PROT", "80")
    assert not is_service_link("BROKER_URL", "tcp://10.0.0.1:80")


OTHERS = Path(__file__).with_name("foreign_variables.txt").read_text("utf-8").split()


def test_there_are_many_others() -> None:
    assert len(set(OTHERS)) == len(OTHERS) > 250
    assert not set(OTHERS) & {*NAMES}


def test_what_others_put_into_the_environment_is_theirs() -> None:
    for name, value in product(OTHERS, ("x", "", "80", "tcp://10.0.0.1:80")):
        check_that_it_is_theirs(name, value)


def check_that_it_is_theirs(name: str, value: str) -> None:
    assert load({name: value}) == Settings()
