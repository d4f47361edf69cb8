"""The settings: one typed struct, read from the environment once at the start.

The table in docs/settings.md is generated from this file (`rollcall config --table`).
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

from app.errors import InvalidSettings
from app.setting_names import is_service_link, mistake
from app.vendors import VENDORS, Options
from app.vendors.conversion import DEFAULT_MAX_RECORD_BYTES, DEFAULT_TENANT

_DAY: Final = 86_400.0
# The upper bound is far above every useful value, and Kafka's protocol and Python's timers still accept it.
# They do not accept infinity.
Seconds = Annotated[float, Meta(ge=0, le=1e9)]
# Kafka's `retention.ms` has whole milliseconds, and less than a second is never meant.
Retention = Annotated[float, Meta(ge=1, le=1e9)]
# A zombie's late write is repaired within a minute. Kafka's `min.compaction.lag.ms` has whole milliseconds.
Lag = Annotated[float, Meta(ge=60, le=1e9)]
# With a shorter interval a worker would do little else.
Interval = Annotated[float, Meta(ge=0.05, le=3600)]
# A broker's default bounds: group.min.session.timeout.ms and group.max.session.timeout.ms.
Session = Annotated[float, Meta(ge=6, le=1800)]
Count = Annotated[int, Meta(ge=1, le=(1 << 31) - 1)]
Replicas = Annotated[int, Meta(ge=1, le=(1 << 15) - 1)]
Share = Annotated[float, Meta(ge=0, le=1)]
Port = Annotated[int, Meta(ge=0, le=65535)]
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,249}\Z")]
# Kafka's rule for a group instance id is that for the name of a topic. The setting may be empty.
InstanceId = Annotated[str, Meta(pattern=r"^(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,249}\Z")]
# The characters that an HTTP header can have after `Bearer `.
Token = Annotated[str, Meta(pattern=r"^[!-~]{1,1024}\Z")]
# The names of the changelogs begin with it, and a topic's name has at most 249 characters.
AppId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,230}\Z")]
_PORT = r"([0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_HOST = rf"(kafka://)?([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:{_PORT})?"
Servers = Annotated[str, Meta(pattern=rf"^{_HOST}(,{_HOST})*\Z")]

# An idle fetch takes half a second, and a slice can keep the event loop busy as long: with a lower limit the
# watchdog would end a healthy worker.
_WATCHDOG_LEAST: Final = 2.0


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of one worker or command. The name of a field is that of its environment variable in lower
    case; `topic_vendors` and `tenant_vendors` have one variable for each vendor."""

    broker_url: Annotated[
        Servers, Meta(description="Kafka's bootstrap servers, `host:port[,host:port...]`")
    ] = "127.0.0.1:9092"
    app_id: Annotated[AppId, Meta(description="the consumer group, and the prefix of the changelogs")] = (
        "rollcall"
    )
    broker_wait: Annotated[
        Seconds, Meta(description="how long to wait for a broker at the start, in seconds")
    ] = 30.0
    topics_create: Annotated[
        bool, Meta(description="whether to create missing topics at the start (`true`, `false`)")
    ] = False
    topic_events: Annotated[Name, Meta(description="the canonical topic")] = "users.events"
    topic_dead_letter: Annotated[Name, Meta(description="the dead-letter topic")] = "users.dead-letter"
    topic_vendors: Annotated[dict[str, Name], Meta(description="the topic")] = {}
    tenant_vendors: Annotated[dict[str, str], Meta(description="the tenant if a record names none")] = {}
    partitions_vendor: Annotated[
        Count, Meta(description="the number of partitions with which a vendor topic is created")
    ] = 6
    partitions_events: Annotated[
        Count, Meta(description="the number of partitions of the canonical topic and of both changelogs")
    ] = 6
    events_retention: Annotated[
        Retention,
        Meta(description="the retention with which the canonical topic is created, in seconds"),
    ] = 30 * _DAY
    dead_letter_retention: Annotated[
        Retention, Meta(description="the retention with which the dead-letter topic is created, in seconds")
    ] = 30 * _DAY
    replication_factor: Annotated[
        Replicas, Meta(description="the number of replicas with which a topic is created")
    ] = 1
    max_record_bytes: Annotated[
        Count, Meta(description="a vendor's record with a larger value is dead with the reason `too_large`")
    ] = DEFAULT_MAX_RECORD_BYTES
    dead_letter_share: Annotated[
        Share, Meta(description="a vendor with a larger share of dead records is paused; 1: never")
    ] = 0.5
    dead_letter_window: Annotated[
        Count, Meta(description="the number of a vendor's latest records of which that share is taken")
    ] = 1000
    grace_period: Annotated[
        Seconds, Meta(description="how long a deleted user's marker stays in the table, in seconds")
    ] = 30 * _DAY
    compaction_lag: Annotated[
        Lag,
        Meta(
            description="seconds that the changelogs keep every version of a row; it must be longer than a"
            " partition is ever without a worker"
        ),
    ] = 3600.0
    recovery_merge_all: Annotated[
        bool,
        Meta(
            description="whether a restart merges all versions of a row (`true`): needed if a changelog was"
            " copied, by mirroring or from a backup"
        ),
    ] = False
    isolation_level: Annotated[
        Literal["read_committed", "read_uncommitted"],
        Meta(description="whether records of open and aborted transactions are read (`read_uncommitted`)"),
    ] = "read_committed"
    commit_interval: Annotated[Interval, Meta(description="seconds between two commits of offsets")] = 0.5
    session_timeout: Annotated[
        Session, Meta(description="seconds without a heartbeat after which the group expels a worker")
    ] = 10.0
    group_instance_id: Annotated[
        InstanceId,
        Meta(
            description="makes the worker a static member of its group, with this id, which no other live"
            " worker may have; if empty, it is a dynamic one"
        ),
    ] = ""
    stop_deadline: Annotated[
        Seconds, Meta(description="seconds to finish after SIGTERM; then a worker exits with code 70")
    ] = 8.0
    watchdog_seconds: Annotated[
        Seconds, Meta(description="seconds after which a hung worker exits with code 70; 0: never")
    ] = 60.0
    compression: Annotated[
        Literal["none", "gzip", "snappy", "lz4", "zstd"],
        Meta(description="the compression of all records that a worker writes"),
    ] = "none"
    http_host: Annotated[str, Meta(description="address of `/metrics`, `/healthz` and `/readyz`")] = (
        "127.0.0.1"
    )
    http_port: Annotated[Port, Meta(description="the port of that address; 0: a free one")] = 6066
    http_token: Annotated[
        Token,
        Meta(description="bearer token that a `POST` has to send; if empty, only this machine may send one"),
    ] = ""
    log_format: Annotated[
        Literal["console", "json"], Meta(description="one line a log event: for people, or as JSON")
    ] = "console"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="the least severe level that is logged"),
    ] = "info"

    def topic_of(self, vendor: str) -> str:
        return self.topic_vendors.get(vendor, f"vendor.{vendor}.users")

    def options_of(self, vendor: str) -> Options:
        """Returns the settings on which the outcome of a vendor's record depends."""
        tenant = self.tenant_vendors.get(vendor) or DEFAULT_TENANT
        return Options(tenant=tenant, max_record_bytes=self.max_record_bytes)

    @property
    def changelogs(self) -> tuple[str, str]:
        """The names of the changelogs of the tables users and loyalty, as Faust builds them."""
        return f"{self.app_id}-users-changelog", f"{self.app_id}-loyalty-changelog"

    @property
    def bootstrap(self) -> str:
        """The bootstrap servers without Faust's `kafka://`: `host:port[,host:port...]`."""
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
        """Whether its value must never be shown."""
        return self.field == "http_token"


def variables() -> list[Variable]:
    """Returns all variables, in the order of the table in docs/settings.md."""
    listed = []
    hints = get_type_hints(Settings, include_extras=True)
    defaults = Settings()
    for field in msgspec.structs.fields(Settings):
        text = next(meta.description or "" for meta in hints[field.name].__metadata__ if meta.description)
        if field.name in _PER_VENDOR:
            for vendor in VENDORS.values():
                name = f"{_PER_VENDOR[field.name]}{vendor.name.upper()}"
                default = defaults.topic_of(vendor.name) if name.startswith("TOPIC") else DEFAULT_TENANT
                listed.append(Variable(name, field.name, vendor.name, default, f"{vendor.title}: {text}"))
        else:
            listed.append(Variable(field.name.upper(), field.name, None, field.default, text))
    return listed


_FORMS: Final = {
    "broker_url": "host:port[,host:port...]",
    "group_instance_id": "up to 249 letters, digits, dots, _ and -, but not . or ..",
    "http_token": "up to 1024 visible ASCII characters",
}
_PER_VENDOR: Final = {"topic_vendors": "TOPIC_", "tenant_vendors": "TENANT_"}


def load(environment: Mapping[str, str]) -> Settings:
    """Returns the settings of this environment. Raises InvalidSettings if a value is malformed, or if a name
    is probably a mistyped name of a setting."""
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
        elif problem := _malformed(variable, value := _lower_if_closed(variable, text)):
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


def _lower_if_closed(variable: Variable, text: str) -> str:
    """Returns the text in lower case if the setting has a closed set of values, so that `INFO` means `info`;
    else the text as it is."""
    return text.lower() if _choices(variable) else text


def _choices(variable: Variable) -> tuple[str, ...]:
    """Returns the values of a setting that has a closed set of them; else an empty tuple."""
    hint = get_type_hints(Settings)[variable.field]
    return get_args(hint) if get_origin(hint) is Literal else ()


def _refuse_shared_topics(settings: Settings) -> None:
    """Raises InvalidSettings if two topics have one name: a worker that reads what it writes would never come
    to an end."""
    users, loyalty = settings.changelogs
    names = {f"TOPIC_{vendor.upper()}": settings.topic_of(vendor) for vendor in VENDORS}
    names |= {"TOPIC_EVENTS": settings.topic_events, "TOPIC_DEAD_LETTER": settings.topic_dead_letter}
    names |= {"the users changelog": users, "the loyalty changelog": loyalty}
    owners: dict[str, str] = {}
    for owner, topic in names.items():
        if (other := owners.setdefault(topic, owner)) != owner:
            raise InvalidSettings(f"{other} and {owner} are the same topic")


def _malformed(variable: Variable, text: str) -> str | None:
    """Returns what is expected of the variable's value; None if the value is well formed."""
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
