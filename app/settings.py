"""The settings: one typed struct, read from the environment once at the start.

The README's table is generated from this file (`rollcall config --table`).
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

from app.setting_names import is_service_link, mistake
from app.vendors import VENDORS, Options
from app.vendors.convert import DEFAULT_MAX_RECORD_BYTES, DEFAULT_TENANT

_DAY: Final = 86_400.0
# The upper bounds are what Kafka's protocol and a timer can take: infinite is none of it.
Seconds = Annotated[float, Meta(ge=0, le=1e9)]
# Kafka's `retention.ms` is in milliseconds; nobody means less than a second.
Retention = Annotated[float, Meta(ge=1, le=1e9)]
# Below this a loop that waits so long would do little else.
Interval = Annotated[float, Meta(ge=0.05, le=3600)]
# What a broker takes unless it is told otherwise (group.min.session.timeout.ms and its max).
Session = Annotated[float, Meta(ge=6, le=1800)]
Count = Annotated[int, Meta(ge=1, le=(1 << 31) - 1)]
Replicas = Annotated[int, Meta(ge=1, le=(1 << 15) - 1)]
Share = Annotated[float, Meta(ge=0, le=1)]
Port = Annotated[int, Meta(ge=0, le=65535)]
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,249}\Z")]
# What an HTTP header can carry behind `Bearer `.
Token = Annotated[str, Meta(pattern=r"^[!-~]{1,1024}\Z")]
# The changelogs' names begin with it and are no longer than a topic's may be.
AppId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,230}\Z")]
_PORT = r"([0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_HOST = rf"(kafka://)?([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:{_PORT})?"
Servers = Annotated[str, Meta(pattern=rf"^{_HOST}(,{_HOST})*\Z")]

# An idle fetch takes half a second, and a busy loop as long over a slice.
_WATCHDOG_LEAST: Final = 2.0


class InvalidSettings(ValueError):
    """One line per problem, each with the name of the variable and never its value."""


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Field names are the environment's variables in lower case."""

    broker_url: Annotated[
        Servers, Meta(description="Kafka's bootstrap servers, `host:port[,host:port...]`")
    ] = "127.0.0.1:9092"
    app_id: Annotated[AppId, Meta(description="consumer group, and prefix of the changelog topics")] = (
        "rollcall"
    )
    broker_wait: Annotated[
        Seconds, Meta(description="how long to wait for the broker at the start, in seconds")
    ] = 30.0
    topics_create: Annotated[
        bool, Meta(description="create missing topics at the start (`true`, `false`)")
    ] = False
    topic_events: Annotated[Name, Meta(description="the canonical topic")] = "users.events"
    topic_dead_letter: Annotated[Name, Meta(description="the dead-letter topic")] = "users.dead-letter"
    topic_vendors: Annotated[dict[str, Name], Meta(description="topic")] = {}
    tenant_vendors: Annotated[dict[str, str], Meta(description="tenant where the record names none")] = {}
    partitions_vendor: Annotated[
        Count, Meta(description="partitions of a vendor topic when it is created")
    ] = 6
    partitions_events: Annotated[
        Count, Meta(description="partitions of the canonical topic and of both changelogs")
    ] = 6
    events_retention: Annotated[
        Retention,
        Meta(description="how long the canonical topic keeps events when it is created, in seconds"),
    ] = 30 * _DAY
    dead_letter_retention: Annotated[
        Retention, Meta(description="how long dead letters are kept when their topic is created, in seconds")
    ] = 30 * _DAY
    replication_factor: Annotated[Replicas, Meta(description="replicas of a topic when it is created")] = 1
    max_record_bytes: Annotated[Count, Meta(description="a larger record is dead, `too_large`")] = (
        DEFAULT_MAX_RECORD_BYTES
    )
    dead_letter_share: Annotated[
        Share, Meta(description="more than this share of a vendor's latest records dead: held; 1: never")
    ] = 0.5
    dead_letter_window: Annotated[
        Count, Meta(description="over how many of a vendor's records in a row that share is taken")
    ] = 1000
    grace_period: Annotated[
        Seconds, Meta(description="how long a deleted user's marker stays, in seconds")
    ] = 30 * _DAY
    commit_interval: Annotated[Interval, Meta(description="seconds between two commits of offsets")] = 0.5
    session_timeout: Annotated[
        Session, Meta(description="seconds after which the group gives a silent worker up")
    ] = 10.0
    stop_deadline: Annotated[
        Seconds, Meta(description="seconds to drain after SIGTERM before the exit with code 70")
    ] = 8.0
    watchdog_seconds: Annotated[
        Seconds, Meta(description="seconds after which a hung worker ends itself with code 70; 0: never")
    ] = 60.0
    compression: Annotated[
        Literal["none", "gzip", "snappy", "lz4", "zstd"],
        Meta(description="compression of everything written"),
    ] = "none"
    http_host: Annotated[str, Meta(description="address of `/metrics`, `/healthz` and `/readyz`")] = (
        "127.0.0.1"
    )
    http_port: Annotated[Port, Meta(description="its port; 0 takes a free one")] = 6066
    http_token: Annotated[
        Token,
        Meta(description="bearer token that `POST` has to send; without it only this machine is answered"),
    ] = ""
    log_format: Annotated[
        Literal["console", "json"], Meta(description="one line per log event, for people or machines")
    ] = "console"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="the least severe level that is logged"),
    ] = "info"

    def topic_of(self, vendor: str) -> str:
        return self.topic_vendors.get(vendor, f"vendor.{vendor}.users")

    def options_of(self, vendor: str) -> Options:
        """What the outcome of a vendor's record depends on."""
        tenant = self.tenant_vendors.get(vendor) or DEFAULT_TENANT
        return Options(tenant=tenant, max_record_bytes=self.max_record_bytes)

    @property
    def changelogs(self) -> tuple[str, str]:
        """The changelog topics of users and loyalty, by Faust's own naming."""
        return f"{self.app_id}-users-changelog", f"{self.app_id}-loyalty-changelog"

    @property
    def bootstrap(self) -> str:
        return ",".join(host.removeprefix("kafka://") for host in self.broker_url.split(","))


class Variable(Struct, frozen=True):
    """One environment variable: a field of `Settings`, or a vendor's entry in one."""

    name: str
    field: str
    vendor: str | None
    default: Any
    help: str

    @property
    def is_secret(self) -> bool:
        """Whether its value is never to be shown."""
        return self.field == "http_token"


def variables() -> list[Variable]:
    """Every variable there is, in the order of the README's table."""
    found = []
    hints = get_type_hints(Settings, include_extras=True)
    defaults = Settings()
    for field in msgspec.structs.fields(Settings):
        text = next(meta.description or "" for meta in hints[field.name].__metadata__ if meta.description)
        if field.name in _PER_VENDOR:
            for vendor in VENDORS.values():
                name = f"{_PER_VENDOR[field.name]}{vendor.name.upper()}"
                default = defaults.topic_of(vendor.name) if name.startswith("TOPIC") else DEFAULT_TENANT
                found.append(Variable(name, field.name, vendor.name, default, f"{vendor.title}: {text}"))
        else:
            found.append(Variable(field.name.upper(), field.name, None, field.default, text))
    return found


_FORMS: Final = {
    "broker_url": "host:port[,host:port...]",
    "http_token": "up to 1024 visible ASCII characters",
}
_PER_VENDOR: Final = {"topic_vendors": "TOPIC_", "tenant_vendors": "TENANT_"}


def load(environment: Mapping[str, str]) -> Settings:
    """The settings of this environment. Raises InvalidSettings for a malformed value, and for a variable
    that is not ours but nearly has the name of one."""
    known = {variable.name: variable for variable in variables()}
    problems = []
    values: dict[str, Any] = {}
    for name, text in environment.items():
        if is_service_link(name, text):
            continue
        if (variable := known.get(name)) is None:
            if problem := mistake(name, known):
                problems.append(problem)
        elif text == "":
            continue
        elif problem := _malformed(variable, value := _closed(variable, text)):
            problems.append(f"{name}: {problem}")
        elif variable.vendor is None:
            values[variable.field] = value
        else:
            values.setdefault(variable.field, {})[variable.vendor] = value
    if problems:
        raise InvalidSettings("; ".join(problems))
    settings = msgspec.convert(values, Settings, strict=False)
    _refuse_shared_topics(settings)
    if 0 < settings.watchdog_seconds < _WATCHDOG_LEAST:
        raise InvalidSettings(f"WATCHDOG_SECONDS: expected 0 or at least {_WATCHDOG_LEAST:g}")
    return settings


def _closed(variable: Variable, text: str) -> str:
    """The value of a closed set as the set has it: `INFO` is `info`."""
    return text.lower() if _choices(variable) else text


def _choices(variable: Variable) -> tuple[str, ...]:
    """All values, if they are a closed set; else none."""
    hint = get_type_hints(Settings)[variable.field]
    return get_args(hint) if get_origin(hint) is Literal else ()


def _refuse_shared_topics(settings: Settings) -> None:
    """A worker that reads what it writes would never come to an end."""
    users, loyalty = settings.changelogs
    names = {f"TOPIC_{vendor.upper()}": settings.topic_of(vendor) for vendor in VENDORS}
    names |= {"TOPIC_EVENTS": settings.topic_events, "TOPIC_DEAD_LETTER": settings.topic_dead_letter}
    names |= {"the users changelog": users, "the loyalty changelog": loyalty}
    owners: dict[str, str] = {}
    for owner, topic in names.items():
        if (other := owners.setdefault(topic, owner)) != owner:
            raise InvalidSettings(f"{other} and {owner} are the same topic")


def _malformed(variable: Variable, text: str) -> str | None:
    """What is expected of the variable, where its value is not it."""
    value = text if variable.vendor is None else {variable.vendor: text}
    try:
        text.encode()
        msgspec.convert({variable.field: value}, Settings, strict=False)
    except UnicodeEncodeError:
        return "expected UTF-8"
    except msgspec.ValidationError as error:
        expected = str(error).partition(" - at ")[0]
        if "enum value" in expected:
            return f"expected one of {', '.join(_choices(variable))}"
        if "regex" in expected:
            return f"expected {_FORMS.get(variable.field, 'letters, digits, dots, _ and -')}"
        return f"{expected[:1].lower()}{expected[1:]}"
    return None
