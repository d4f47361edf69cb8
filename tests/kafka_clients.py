"""Clients of librdkafka. Those that only ask stay, because tests ask again and again, and a client costs more
than its answers."""

from functools import lru_cache
from typing import Any, Final, Literal

from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient

Isolation = Literal["read_committed", "read_uncommitted"]

# A client that stays looks for a broker that was away as often as a new one would.
_BACK_SOON: Final[dict[str, Any]] = {"reconnect.backoff.max.ms": 500}


@lru_cache(maxsize=2)
def admin_of(bootstrap: str) -> AdminClient:
    """Returns a client for what admins ask. It may be used by several threads."""
    return AdminClient({"bootstrap.servers": bootstrap, "log_level": 0, **_BACK_SOON})


@lru_cache(maxsize=2)
def member_of(bootstrap: str, group: str) -> Consumer:
    """Returns a client of a group that never joins it. It asks for committed offsets, because librdkafka 2.16
    crashes if an admin asks for them and the group's coordinator answers with an error."""
    return new_consumer(bootstrap, group)


def new_consumer(
    bootstrap: str,
    group: str = "tests-read-without-a-group",
    isolation: Isolation = "read_uncommitted",
) -> Consumer:
    """Returns a consumer to read with once. One that stayed for the next reading gave other rows than a new
    one of a changelog whose head was deleted between the two; the cause is not known."""
    return Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "log_level": 0,
            **_BACK_SOON,
            "isolation.level": isolation,
            "fetch.wait.max.ms": 50,
            # librdkafka unpacks no batch that becomes larger than this.
            "receive.message.max.bytes": 1_000_000_000,
        }
    )
