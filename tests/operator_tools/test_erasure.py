"""What is left of a deleted user, and until when."""

import json

import pytest

from app.canonical import Event, encode_event
from app.settings import Settings
from app.state import encode_loyalty, encode_user, fold
from app.tools.users.erase_check import ErasureReport, Remains, bound
from app.tools.users.erase_judge import EraseJudge, Holding
from app.tools.users.erasure_bounds import Until, compaction_until, marker_until, retention_until
from app.tools.users.erasure_text import report_json, report_lines
from app.tools.users.key_dead_letters import DeadLetterFinder
from app.tools.users.searched_values import UserValues
from app.tools.users.user_key import UserKey
from app.topics import TopicDescription
from tests.operator_tools.records import Told
from tests.state.events import deleted, full, score

DAY = 86_400_000
FOREVER = str((1 << 63) - 1)
COMPACT = {
    "cleanup.policy": "compact",
    "max.compaction.lag.ms": str(7 * DAY),
    "delete.retention.ms": str(2 * DAY),
}
DELETE = {"cleanup.policy": "delete", "retention.ms": str(30 * DAY), "segment.ms": str(DAY)}


@pytest.mark.parametrize(
    ("newest", "configs", "until"),
    [
        (5, DELETE, 5 + 31 * DAY),
        (5, {"retention.ms": "10"}, 5 + 10 + 7 * DAY),
        (5, {**DELETE, "cleanup.policy": "compact, delete"}, 5 + 31 * DAY),
        (5, {**DELETE, "retention.ms": "-1"}, None),
        (5, {**DELETE, "retention.ms": "x"}, None),
        (5, COMPACT, None),
        (-1, DELETE, None),
        (5, {}, None),
    ],
)
def test_retention_removes_whole_segments(newest: int, configs: dict[str, str], until: int | None) -> None:
    assert retention_until(newest, configs).at == until


def test_compaction_has_a_bound_if_the_topic_has_one() -> None:
    assert compaction_until(5, COMPACT).at == 5 + 7 * DAY
    assert compaction_until(5, {**COMPACT, "max.compaction.lag.ms": FOREVER}).at is None
    assert compaction_until(5, DELETE).at is None
    assert compaction_until(5, {}) == Until(None, "the topic's settings are not known")
    assert marker_until(5, 30 * DAY, COMPACT).at == 5 + (30 + 7 + 2 + 7) * DAY
    assert marker_until(5, 30 * DAY, DELETE).at is None


def values_of(*events: Event) -> UserValues:
    values = UserValues()
    for each in events:
        values.add(encode_event(each))
    return values


def test_the_values_are_those_that_tell_a_user_from_others() -> None:
    values = values_of(
        full(
            1,
            user={
                "email": "ada@example.com",
                "name": "Ada",
                "locale": "en-GB-oxendict",
                "address": {"formatted": "1 Long Street"},
                "birthdate": "1815-12-10",
                "email_verified": True,
            },
            attributes={
                "created_at": "2024-01-01T00:00:00Z",
                "emails": [{"email": "b@example.com"}],
                "roles": ["administrator"],
            },
            previous={"email": "old@example.com"},
        )
    )
    values.add(b"no JSON")
    values.add(b"[]")
    values.add(b'{"data":[]}')
    assert len(values) == 5
    pattern = values.pattern()
    assert pattern is not None
    for text in ("ada@example.com", "1 Long Street", "1815-12-10", "b@example.com", "old@example.com"):
        assert pattern.search(b'{"x":"' + text.encode() + b'"}')
    assert not pattern.search(b'"2024-01-01T00:00:00Z" "en-GB-oxendict" "administrator" "Ada"')
    assert UserValues().pattern() is None


SETTINGS = Settings(tenant_vendors={"magine": "acme"})
KEY = b"magine/acme/7"
ADA = full(1, user={"email": "ada@example.com"})
GONE = deleted(2)
EVENTS, DEAD, VENDOR = SETTINGS.topic_events, SETTINGS.topic_dead_letter, SETTINGS.topic_of("magine")
USERS, LOYALTY = SETTINGS.changelogs


def user_row(*events: Event) -> bytes:
    ((_, rows),) = fold(events).items()
    assert rows.user is not None
    return encode_user(rows.user)


def loyalty_row() -> bytes:
    rows = fold([score(1)])["magine/acme/7"]
    assert rows.loyalty is not None
    return encode_loyalty(rows.loyalty)


def body(kind: str, sub: str, **data: str) -> bytes:
    return json.dumps(
        {"type": f"user.{kind}", "timestamp": "2024-01-01T00:00:00Z", "data": {"userId": sub, **data}}
    ).encode()


@pytest.mark.parametrize(
    ("topic", "record", "found"),
    [
        (EVENTS, Told(KEY, encode_event(ADA)), ("values", KEY)),
        (EVENTS, Told(KEY, encode_event(GONE)), ("id", KEY)),
        (EVENTS, Told(KEY, b"ada@example.com"), ("values", KEY)),
        (EVENTS, Told(KEY, None), ("id", KEY)),
        (EVENTS, Told(b"k", encode_event(ADA)), ("values", b"k")),
        (EVENTS, Told(b"k", encode_event(GONE)), None),
        (USERS, Told(KEY, user_row(ADA)), ("values", KEY)),
        (USERS, Told(KEY, user_row(ADA, GONE)), ("id", KEY)),
        (USERS, Told(KEY, None), ("id", KEY)),
        (USERS, Told(KEY, b"garbage"), ("values", KEY)),
        (LOYALTY, Told(KEY, loyalty_row()), ("values", KEY)),
        (LOYALTY, Told(KEY, None), ("id", KEY)),
        (LOYALTY, Told(b"k", None), None),
        (VENDOR, Told(None, body("created", "7")), ("values", KEY)),
        (VENDOR, Told(None, body("deleted", "7")), ("id", KEY)),
        (VENDOR, Told(None, body("deleted", "7", email="ada@example.com")), ("values", KEY)),
        (VENDOR, Told(None, body("created", "8", email="ada@example.com")), ("values", b"magine/acme/8")),
        (VENDOR, Told(None, body("created", "8", name="7 of 9")), None),
        (VENDOR, Told(None, body("created", "8")), None),
        (VENDOR, Told(None, body("unheard", "7")), ("id", KEY)),
        (VENDOR, Told(None, b"{7"), None),
        (VENDOR, Told(None, b"{ada@example.com"), ("values", KEY)),
        (VENDOR, Told(None, None), None),
        (DEAD, Told(KEY, b"x"), ("values", KEY)),
        (DEAD, Told(None, b"{ada@example.com", [("x-vendor", b"fynd")]), ("values", KEY)),
        (DEAD, Told(None, body("created", "7"), [("x-vendor", b"magine")]), ("values", KEY)),
        (DEAD, Told(None, body("created", "8"), [("x-vendor", b"magine")]), None),
    ],
)
def test_what_a_record_holds_of_a_user(topic: str, record: Told, found: tuple[str, bytes] | None) -> None:
    user = UserKey("magine", "acme", "7")
    judge = EraseJudge(SETTINGS, user, values_of(ADA).pattern(), DeadLetterFinder(user, []))
    assert judge.judge(topic, 0, record) == found


def test_without_a_known_value_a_body_of_the_user_may_have_one() -> None:
    user = UserKey("magine", "acme", "7")
    judge = EraseJudge(SETTINGS, user, None, DeadLetterFinder(user, []))
    assert judge.judge(VENDOR, 0, Told(None, body("deleted", "7"))) == Holding("values", KEY)
    assert judge.judge(VENDOR, 0, Told(None, body("deleted", "8"))) is None


def bounded(
    topic: str, *holds: tuple[str, int], deleted_at: str | None = "2024-01-01T00:00:00.000000Z"
) -> Remains:
    remains = Remains(topic)
    for what, timestamp in holds:
        remains.add("values" if what == "values" else "id", timestamp)
    configs = COMPACT if topic in (USERS, LOYALTY) else DELETE
    bound(remains, SETTINGS, TopicDescription(1, configs["cleanup.policy"], 1, configs), deleted_at)
    return remains


def test_each_topic_has_its_own_bound() -> None:
    assert bounded(EVENTS) == Remains(EVENTS)
    events = bounded(EVENTS, ("values", 5), ("values", 3), ("id", 9))
    assert (events.values, events.ids) == (2, 1)
    assert events.values_until == Until(5 + 31 * DAY, "retention.ms and segment.ms")
    assert events.ids_until == Until(9 + 31 * DAY, "retention.ms and segment.ms")
    users = bounded(USERS, ("values", 5), ("id", 9))
    assert users.values_until is not None
    assert users.values_until.at == 9 + 7 * DAY
    assert users.ids_until is not None
    assert bounded(USERS, ("values", 5)).values_until == Until(None, "no worker has handled the deletion yet")
    assert bounded(USERS, ("id", 5), deleted_at=None).ids_until is None


def test_the_report_is_told_to_people_and_to_programs() -> None:
    topics = [
        bounded(EVENTS, ("values", 5)),
        bounded(USERS, ("id", 9), deleted_at=None),
        bounded(LOYALTY, ("values", 5)),
        Remains(DEAD),
    ]
    others = [f"magine/acme/{number}" for number in range(25)]
    report = ErasureReport("2024-01-01T00:00:00.000000Z", 3, topics, others)
    assert report_lines("magine/acme/7", report).splitlines() == [
        "magine/acme/7 is deleted since 2024-01-01T00:00:00.000000Z",
        "searched for the key, the user id and 3 values of the user",
        (
            "users.events                values in 1 records, until 1970-02-01T00:00:00.005000Z"
            " by retention.ms and segment.ms"
        ),
        "rollcall-users-changelog    no values; the user id alone in 1, no bound is known",
        (
            "rollcall-loyalty-changelog  values in 1 records, without a bound: no worker has handled the"
            " deletion yet"
        ),
        "users.dead-letter           no values",
        f"other keys have one of these values: {', '.join(others[:20])} and 5 more",
    ]
    told = json.loads(report_json("magine/acme/7", report))
    assert (told["erased"], told["topics"][0]["values"], told["topics"][2]["values_until"]) == (
        False,
        1,
        None,
    )
    gone = ErasureReport(None, 0, [Remains(EVENTS)], [])
    assert json.loads(report_json("k", gone))["erased"]
    assert report_lines("k", gone).startswith("k has no row\n")
