"""Access rules of a broker that checks them (`tests/tools/faults/cluster.py`, `authorising_broker`)."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

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


class Right(NamedTuple):
    """A right that one user has on a topic or a group, or on all whose names begin so (`prefix`)."""

    kind: ResourceType
    name: str
    operation: AclOperation
    prefix: bool = False

    def rule(self, user: str) -> AclBinding:
        pattern = ResourcePatternType.PREFIXED if self.prefix else ResourcePatternType.LITERAL
        return AclBinding(
            self.kind, self.name, pattern, f"User:{user}", "*", self.operation, AclPermissionType.ALLOW
        )


def allow(bootstrap: str, user: str, rights: Iterable[Right]) -> None:
    """Gives the user these rights. On a broker without a default to allow, it has no other ones."""
    admin, rules = _admin(bootstrap), [right.rule(user) for right in rights]
    for future in admin.create_acls(rules, request_timeout=_TIMEOUT).values():
        future.result()
    wait_until(lambda: set(rules) <= _rules_of(admin, user), f"the broker knows the rules of {user}")


def revoke(bootstrap: str, user: str, right: Right) -> None:
    """Takes a right away that `allow` has given."""
    admin, rule = _admin(bootstrap), right.rule(user)
    those = AclBindingFilter(
        rule.restype,
        rule.name,
        rule.resource_pattern_type,
        rule.principal,
        rule.host,
        rule.operation,
        rule.permission_type,
    )
    admin.delete_acls([those], request_timeout=_TIMEOUT)[those].result()
    wait_until(lambda: rule not in _rules_of(admin, user), f"the broker has removed a rule of {user}")


def _rules_of(admin: AdminClient, user: str) -> set[AclBinding]:
    every = AclBindingFilter(
        ResourceType.ANY,
        None,  # type: ignore[arg-type]  # any
        ResourcePatternType.ANY,
        f"User:{user}",
        None,  # type: ignore[arg-type]
        AclOperation.ANY,
        AclPermissionType.ANY,
    )
    return set(admin.describe_acls(every, request_timeout=_TIMEOUT).result())


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
