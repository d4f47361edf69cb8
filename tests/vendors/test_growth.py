"""Every user's event repeats values of the envelope: no message needs much memory because of that."""

from urllib.parse import quote

import pytest

from app.canonical import encode_event
from app.outcome import Dead, Emit
from app.vendors import VENDORS, conversion
from app.vendors.model import MAX_EVENTS_BYTES
from tests.vendors.records import MAGINE, MAGINE_BODY, event_of, outcome_of

LONG = b"x" * 100_000
# Without the bound each of these would become twice as large as is allowed, which is enough to fail and does
# no harm.
USERS = 2 * MAX_EVENTS_BYTES // len(LONG)
FYND = b'{"event":{"name":"user","type":"update","created_timestamp":1763700000123%s}%s,"payload":[%s]}'
FYND_USERS = b",".join([b'{"user":{"id":1}}'] * USERS)
FYND_OWN_APPLICATIONS = b",".join(b'{"user":{"id":1,"application_id":"%d"}}' % it for it in range(USERS))
PICTURE = LONG[:16_000]
AMITY_USERS = b",".join([b'{"userId":1,"avatarFileId":"a"}'] * (2 * MAX_EVENTS_BYTES // len(PICTURE)))
AMITY = b'{"event":"user.didUpdate","data":{"users":[%s],"files":[{"fileId":"a","fileUrl":"%s"}]}}'


@pytest.mark.parametrize(
    ("vendor", "body"),
    [
        ("amity", AMITY % (AMITY_USERS, PICTURE)),
        ("fynd", FYND % (b"", b',"company_id":1,"application_id":"%s"' % LONG, FYND_USERS)),
        ("fynd", FYND % (b"", b',"company_id":"%s"' % LONG, FYND_OWN_APPLICATIONS)),
    ],
    ids=["picture", "application", "company"],
)
def test_a_message_that_would_become_too_much_is_dead(vendor: str, body: bytes) -> None:
    outcome = outcome_of(VENDORS[vendor], body)
    assert isinstance(outcome, Dead)
    assert outcome.reason == "too_large"
    assert "xxx" not in outcome.detail


def test_a_tenant_has_at_most_1024_bytes() -> None:
    for tenant, good in ((b"x" * 1024, True), (b"x" * 1025, False), (b"\xc3\xa9" * 513, False)):
        outcome = outcome_of(VENDORS["magine"], MAGINE_BODY, headers=[("tenant", tenant)])
        assert (
            isinstance(outcome, Emit)
            if good
            else outcome == Dead("schema", "$: expected a tenant of at most 1024 bytes")
        )


def test_a_vendors_event_id_that_is_too_long_counts_as_none() -> None:
    long = event_of(VENDORS["magine"], MAGINE_BODY, headers=[("webhook-id", b"x" * 1025)])
    assert long.id == event_of(VENDORS["magine"], MAGINE_BODY).id
    for nothing in (b"undefined", b" NULL ", b"[object Object]"):
        assert event_of(VENDORS["magine"], MAGINE_BODY, headers=[("webhook-id", nothing)]).id == long.id


def test_the_shortest_users_of_a_whole_body_are_not_too_much() -> None:
    users = b",".join([b'{"user":{"id":1}}'] * 58_000)
    outcome = outcome_of(VENDORS["fynd"], FYND % (b"", b"", users))
    assert isinstance(outcome, Emit)
    assert len(outcome.events) == 58_000


def test_a_long_tenant_is_escaped_like_a_short_one() -> None:
    body = b'{"type":"user.updated","timestamp":"2025-11-20T10:00:00Z","data":{"userId":"u"}}'
    tenant = "a/b" * 300
    outcome = outcome_of(VENDORS["magine"], body, headers=[("tenant", tenant.encode())])
    assert isinstance(outcome, Emit)
    (event,) = outcome.events
    assert event.tenant == tenant
    assert event.source.endswith("a%2Fb" * 300) if event.source else False
    assert encode_event(event)


def test_each_of_very_many_tenants_has_events_of_its_own() -> None:
    """There are more tenants than the number that is kept between two records."""
    tenants = [f"tenant-{number}" for number in range(1500)] * 2
    for tenant in tenants:
        event = event_of(MAGINE, MAGINE_BODY, headers=[("tenant", tenant.encode())])
        assert (event.tenant, event.partitionkey) == (tenant, f"magine/{tenant}/u-1")
        assert event.source == f"/vendors/magine/{tenant}"


def test_a_tenant_that_costs_much_to_escape_is_escaped_once_a_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each of 30,000 users in a body of 1 MiB would cost a millisecond."""
    made = list[str]()

    def counted(tenant: str, safe: str) -> str:
        made.append(tenant)
        return quote(tenant, safe=safe)

    conversion._new_blank.cache_clear()
    monkeypatch.setattr(conversion, "quote", counted)
    users = b",".join([b'{"userId":1}'] * 1000)
    body = b'{"event":"user.didUpdate","data":{"users":[%s]}}' % users
    outcome = outcome_of(VENDORS["amity"], body, headers=[("tenant", b"/" * 1000)])
    assert isinstance(outcome, Emit)
    assert {event.tenant for event in outcome.events} == {"/" * 1000}
    assert made == ["/" * 1000]


def test_a_placeholder_in_the_header_gives_each_user_the_tenant_of_the_body() -> None:
    users = b",".join(b'{"user":{"id":1,"application_id":"%s"}}' % each for each in (b"a", b"b", b"b"))
    body = FYND % (b"", b',"company_id":1', users)
    outcome = outcome_of(VENDORS["fynd"], body, headers=[("tenant", b"undefined")])
    assert isinstance(outcome, Emit)
    assert [event.tenant for event in outcome.events] == ["1.a", "1.b", "1.b"]
