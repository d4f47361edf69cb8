"""What the coordinator says of the group of a test."""

from functools import cache
from typing import NamedTuple

from confluent_kafka.admin import AdminClient

from tests.integration.worker import Site


class Member(NamedTuple):
    instance: str
    """The group instance id, or empty."""
    member_id: str
    partitions: frozenset[tuple[str, int]]


@cache
def _admin(bootstrap: str) -> AdminClient:
    """Making a client costs more than its requests, and tests ask again and again."""
    return AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})


def members(site: Site) -> list[Member]:
    """Returns the members of the site's group, sorted by their instance ids."""
    return members_of(site.broker, site.settings.app_id)


def members_of(bootstrap: str, group: str) -> list[Member]:
    """Returns the members of a group, sorted by their instance ids."""
    admin = _admin(bootstrap)
    return sorted(
        Member(
            each.group_instance_id or "",
            each.member_id,
            frozenset((tp.topic, tp.partition) for tp in each.assignment.topic_partitions),
        )
        for each in admin.describe_consumer_groups([group])[group].result().members
    )
