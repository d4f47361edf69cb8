"""Access rules of a broker that checks them (`tests/tools/faults/cluster.py`, `authorising_broker`)."""

from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._acl import AclBinding, AclBindingFilter, AclOperation, AclPermissionType
from confluent_kafka.admin._resource import ResourcePatternType, ResourceType

from tests.waiting import wait_until

_TIMEOUT = 30.0


def deny(bootstrap: str, kind: ResourceType, name: str, operation: AclOperation) -> None:
    """Takes this right on a topic or group away from everybody, and no other one."""
    # The client has to live until it has answered.
    admin = _admin(bootstrap)
    rules = [
        AclBinding(kind, name, ResourcePatternType.LITERAL, "User:ANONYMOUS", "*", each, verdict)
        for each, verdict in (
            (AclOperation.ALL, AclPermissionType.ALLOW),
            (operation, AclPermissionType.DENY),
        )
    ]
    for future in admin.create_acls(rules, request_timeout=_TIMEOUT).values():
        future.result()
    # The controller has answered, and the broker judges by what it shows.
    wait_until(lambda: set(rules) <= _rules(admin, kind, name), f"the broker knows the rules of {name}")


@contextmanager
def without_right(bootstrap: str, kind: ResourceType, name: str, operation: AclOperation) -> Iterator[None]:
    """While the block runs nobody has this right on the topic or group. It must not have had rules before."""
    deny(bootstrap, kind, name, operation)
    try:
        yield
    finally:
        admin, every = _admin(bootstrap), _every_rule(kind, name)
        admin.delete_acls([every], request_timeout=_TIMEOUT)[every].result()
        wait_until(lambda: not _rules(admin, kind, name), f"the broker knows no rules of {name}")


def _rules(admin: AdminClient, kind: ResourceType, name: str) -> set[AclBinding]:
    return set(admin.describe_acls(_every_rule(kind, name), request_timeout=_TIMEOUT).result())


def _every_rule(kind: ResourceType, name: str) -> AclBindingFilter:
    return AclBindingFilter(
        kind,
        name,
        ResourcePatternType.LITERAL,
        None,  # type: ignore[arg-type]  # any
        None,  # type: ignore[arg-type]
        AclOperation.ANY,
        AclPermissionType.ANY,
    )


def _admin(bootstrap: str) -> AdminClient:
    return AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
