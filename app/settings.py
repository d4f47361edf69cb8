"""The settings: one typed struct. `environment.py` reads it once at the start.

The table in docs/settings.md is generated from this file (`rollcall config --table`).
"""

from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

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
_NAMED = rf"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:{_PORT})?"
_HOST = rf"(kafka://)?{_NAMED}"
Urls = Annotated[str, Meta(pattern=rf"^https?://{_NAMED}(,https?://{_NAMED})*\Z")]
_VENDOR = f"({'|'.join(VENDORS)})"
VendorNames = Annotated[str, Meta(pattern=rf"^{_VENDOR}(,{_VENDOR})*\Z")]
Servers = Annotated[str, Meta(pattern=rf"^{_HOST}(,{_HOST})*\Z")]
# One line: what has a line break was copied wrongly. Passwords and paths have no other rule.
Text = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]{1,4096}\Z")]

SECRETS: Final = frozenset({"ssl_key_password", "sasl_password", "http_token"})
"""The fields that must never be shown. Each has a second field, with `_file` behind the name."""


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of one worker or command. The name of a field is that of its environment variable in lower
    case; `topic_vendors` and `tenant_vendors` have one variable for each vendor."""

    broker_url: Annotated[
        Servers, Meta(description="Kafka's bootstrap servers, `host:port[,host:port...]`")
    ] = "127.0.0.1:9092"
    security_protocol: Annotated[
        Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"],
        Meta(
            description="how clients connect to the brokers: with TLS (`SSL`), with a login (`SASL`), or both"
        ),
    ] = "PLAINTEXT"
    ssl_ca_file: Annotated[
        Text,
        Meta(
            description="PEM file of the authorities that sign the brokers' certificates; if empty, those of"
            " the system"
        ),
    ] = ""
    ssl_certificate_file: Annotated[
        Text, Meta(description="PEM file of the client's own certificate, with its chain, for mutual TLS")
    ] = ""
    ssl_key_file: Annotated[
        Text,
        Meta(
            description="PEM file of that certificate's private key; if empty, the certificate's file has it"
        ),
    ] = ""
    ssl_key_password: Annotated[Text, Meta(description="the password of that key")] = ""
    ssl_key_password_file: Annotated[Text, Meta(description="a file that contains that password")] = ""
    sasl_mechanism: Annotated[
        Literal["", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"],
        Meta(description="how clients log in with `SASL_SSL` or `SASL_PLAINTEXT`"),
    ] = ""
    sasl_username: Annotated[Text, Meta(description="the user's name for `PLAIN` and `SCRAM-SHA-...`")] = ""
    sasl_password: Annotated[Text, Meta(description="the user's password")] = ""
    sasl_password_file: Annotated[Text, Meta(description="a file that contains that password")] = ""
    sasl_token_file: Annotated[
        Text, Meta(description="a file with the token for `OAUTHBEARER`; it is read for each connection")
    ] = ""
    allow_plaintext_credentials: Annotated[
        bool, Meta(description="whether `SASL_PLAINTEXT` is allowed, which sends credentials without TLS")
    ] = False
    app_id: Annotated[AppId, Meta(description="the consumer group, and the prefix of the changelogs")] = (
        "rollcall"
    )
    broker_wait: Annotated[
        Seconds, Meta(description="how long to wait for a broker at the start, in seconds")
    ] = 30.0
    topics_create: Annotated[
        bool, Meta(description="whether to create missing topics at the start (`true`, `false`)")
    ] = False
    vendors: Annotated[
        VendorNames,
        Meta(description="the vendors whose topics are read, `magine,fynd`; if empty, all of them"),
    ] = ""
    topic_events: Annotated[Name, Meta(description="the canonical topic")] = "users.events"
    topic_dead_letter: Annotated[Name, Meta(description="the dead-letter topic")] = "users.dead-letter"
    topic_users: Annotated[
        Name, Meta(description="the changelog of the users table; if empty, `<APP_ID>-users-changelog`")
    ] = ""
    topic_loyalty: Annotated[
        Name, Meta(description="the changelog of the loyalty table; if empty, `<APP_ID>-loyalty-changelog`")
    ] = ""
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
    worker_urls: Annotated[
        Urls,
        Meta(
            description="the group's other workers, which the page at `/` shows beside this one:"
            " `http://host:port[,http://host:port...]`"
        ),
    ] = ""
    http_token: Annotated[
        Token,
        Meta(description="bearer token that a `POST` has to send; if empty, only this machine may send one"),
    ] = ""
    http_token_file: Annotated[Text, Meta(description="a file that contains that token")] = ""
    log_format: Annotated[
        Literal["console", "json"], Meta(description="one line a log event: for people, or as JSON")
    ] = "console"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="the least severe level that is logged"),
    ] = "info"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Returns the name and value of each field, a secret as `***`."""
        shown = [(name, getattr(self, name)) for name in self.__struct_fields__]
        return [(name, "***" if name in SECRETS and value else value) for name, value in shown]

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"Settings({shown})"

    @property
    def vendor_names(self) -> tuple[str, ...]:
        """The vendors whose topics are read, in the order of the registry."""
        chosen = self.vendors.split(",") if self.vendors else VENDORS
        return tuple(name for name in VENDORS if name in chosen)

    def topic_of(self, vendor: str) -> str:
        return self.topic_vendors.get(vendor, f"vendor.{vendor}.users")

    def options_of(self, vendor: str) -> Options:
        """Returns the settings on which the outcome of a vendor's record depends."""
        tenant = self.tenant_vendors.get(vendor) or DEFAULT_TENANT
        return Options(tenant=tenant, max_record_bytes=self.max_record_bytes)

    @property
    def other_workers(self) -> list[str]:
        """The URLs in WORKER_URLS."""
        return self.worker_urls.split(",") if self.worker_urls else []

    @property
    def changelogs(self) -> tuple[str, str]:
        """The names of the changelogs of the tables users and loyalty. Without a setting they are as Faust
        builds them."""
        return (
            self.topic_users or f"{self.app_id}-users-changelog",
            self.topic_loyalty or f"{self.app_id}-loyalty-changelog",
        )

    @property
    def bootstrap(self) -> str:
        """The bootstrap servers without Faust's `kafka://`: `host:port[,host:port...]`."""
        return ",".join(host.removeprefix("kafka://") for host in self.broker_url.split(","))
