"""The users row of a user who is not deleted: registers, snapshots and stamps (docs/tables.md#registers)."""

import json
from typing import Any

from app.canonical import Event
from tests.state.events import at, deleted, event, full, micros, partial
from tests.state.histories import encoded, replay


def row(*events: Event) -> dict[str, Any]:
    """The users row after the events, as a consumer of the changelog reads it."""
    user, _ = encoded(replay(list(events)))
    assert user is not None
    read: dict[str, Any] = json.loads(user)
    return read


def test_a_row_has_the_members_of_the_contract_in_its_order() -> None:
    history = [
        event("created", 1, full=True, user={"name": "N", "email": "E"}, status="active"),
        event("status_changed", 2, presence={"status": "away", "previous": "online"}),
        partial(3, user={"email": "F"}, attributes={"roles": ["r"]}),
        event("settings_updated", 3, settings={"sound": 1}),
        event("logged_in", 4),
        event("logged_out", 5),
    ]
    user, loyalty = encoded(replay(history))
    assert loyalty is None
    assert (
        user
        == (
            '{"vendor":"magine","tenant":"acme","sub":"7","status":"active","complete":true,'
            '"profile":{"email":"F","name":"N"},"attributes":{"roles":["r"]},"settings":{"sound":1},'
            f'"presence":{{"status":"away","at":"{at(2)}"}},"created_at":"{at(1)}","updated_at":"{at(3)}",'
            f'"last_login_at":"{at(4)}","last_logout_at":"{at(5)}","as_of":{micros(1)},"stamps":'
            f'{{"attributes.roles":{micros(3)},"profile.email":{micros(3)},"settings.sound":{micros(3)}}}}}'
        ).encode()
    )


def test_an_event_with_sub_only_still_makes_a_row() -> None:
    assert row(event("logged_out", 1)) == {
        "vendor": "magine",
        "tenant": "acme",
        "sub": "7",
        "complete": False,
        "profile": {},
        "attributes": {},
        "settings": {},
        "last_logout_at": at(1),
        "stamps": {},
    }


def test_the_newer_value_wins_whichever_comes_first() -> None:
    early, late = partial(1, user={"email": "early"}), partial(2, user={"email": "late"})
    assert row(early, late) == row(late, early)
    assert row(late, early)["profile"] == {"email": "late"}


def test_a_tie_goes_to_the_greater_encoding() -> None:
    nine, ten = partial(1, attributes={"n": 9}), partial(1, attributes={"n": 10})
    assert row(nine, ten)["attributes"] == row(ten, nine)["attributes"] == {"n": 9}
    true, one = partial(1, attributes={"n": True}), partial(1, attributes={"n": 1})
    assert row(one, true)["attributes"]["n"] is row(true, one)["attributes"]["n"] is True


def test_cleared_loses_every_tie() -> None:
    cleared, empty = partial(1, user={"email": None}), partial(1, user={"email": ""})
    assert row(cleared, empty)["profile"] == row(empty, cleared)["profile"] == {"email": ""}


def test_a_full_snapshot_clears_what_it_does_not_carry() -> None:
    old = full(1, user={"email": "E", "name": "N"}, attributes={"bio": "B"})
    assert row(old, full(2, user={"name": "M"}))["profile"] == {"name": "M"}
    assert row(full(2, user={"name": "M"}), old)["attributes"] == {}


def test_a_full_snapshot_clears_neither_status_nor_settings_nor_presence() -> None:
    early = full(1, status="blocked", settings={"sound": 1}, presence={"status": "away"})
    after = row(early, full(2))
    assert (after["status"], after["settings"]) == ("blocked", {"sound": 1})
    assert after["presence"] == {"status": "away", "at": at(1)}
    assert after["stamps"] == {"settings.sound": micros(1), "status": micros(1)}


def test_a_full_snapshot_takes_the_settings_that_it_carries_and_leaves_the_others() -> None:
    early = event("settings_updated", 1, full=True, settings={"sound": 1, "mail": 1, "push": None})
    after = row(early, event("settings_updated", 2, full=True, settings={"mail": 2}))
    assert after["settings"] == {"sound": 1, "mail": 2}
    assert after["stamps"] == {"settings.sound": micros(1), "settings.push": micros(1)}


def test_a_partial_snapshot_leaves_alone_what_it_does_not_carry() -> None:
    after = row(full(1, user={"email": "E", "name": "N"}), partial(2, user={"name": "M"}))
    assert after["profile"] == {"email": "E", "name": "M"}
    assert after["stamps"] == {"profile.name": micros(2)}


def test_null_in_a_partial_snapshot_clears_and_keeps_its_stamp() -> None:
    after = row(full(1, user={"email": "E"}), partial(2, user={"email": None}))
    assert after["profile"] == {}
    assert after["stamps"] == {"profile.email": micros(2)}


def test_a_late_partial_below_a_full_snapshot_changes_nothing() -> None:
    snapshot = full(2, user={"name": "N"})
    assert row(snapshot, partial(1, attributes={"role": "R"})) == row(snapshot)


def test_without_a_full_snapshot_everything_is_stamped_and_nothing_complete() -> None:
    after = row(partial(1, user={"email": "E"}, status="active"))
    assert after["stamps"] == {"profile.email": micros(1), "status": micros(1)}
    assert after["complete"] is False
    assert "as_of" not in after


def test_a_late_full_snapshot_is_laid_below_newer_partials() -> None:
    after = row(partial(2, user={"email": "new", "name": None}), full(1, user={"email": "old", "name": "N"}))
    assert after["profile"] == {"email": "new"}
    assert after["as_of"] == micros(1)
    assert after["stamps"] == {"profile.email": micros(2), "profile.name": micros(2)}


def test_two_full_snapshots_of_one_time_are_joined_claim_by_claim() -> None:
    a, b = full(1, user={"email": "a", "name": "N"}), full(1, user={"email": "b"})
    assert row(a, b) == row(b, a)
    assert row(a, b)["profile"] == {"email": "b", "name": "N"}


def test_each_member_of_the_address_is_a_register() -> None:
    first = full(1, user={"address": {"country": "NL", "locality": "Delft"}})
    after = row(first, partial(2, user={"address": {"country": "BE"}}))
    assert after["profile"]["address"] == {"country": "BE", "locality": "Delft"}
    assert after["stamps"] == {"profile.address.country": micros(2)}


def test_an_address_without_members_left_is_left_out() -> None:
    first = full(1, user={"address": {"country": "NL"}})
    after = row(first, partial(2, user={"address": {"country": None}}))
    assert after["profile"] == {}
    assert after["stamps"] == {"profile.address.country": micros(2)}


def test_an_address_of_null_clears_all_its_members_also_those_that_come_late() -> None:
    cleared = partial(2, user={"address": None})
    late = partial(1, user={"address": {"country": "NL"}})
    assert row(cleared, late)["profile"] == row(late, cleared)["profile"] == {}
    assert row(late, cleared)["stamps"] == {"profile.address": micros(2)}
    newer = partial(3, user={"address": {"country": "BE"}})
    assert row(newer, late, cleared)["profile"] == {"address": {"country": "BE"}}


def test_an_address_that_is_no_object_says_nothing_of_the_address() -> None:
    after = row(full(1, user={"address": {"country": "NL"}}), partial(2, user={"address": "NL"}))
    assert after["profile"] == {"address": {"country": "NL"}}
    assert after["stamps"] == {}
    assert row(full(1), full(2, user={"address": "NL"}))["profile"] == {}


def test_a_claim_named_like_a_member_of_the_address_is_none() -> None:
    assert row(full(1), full(2, user={"address.country": "NL"}))["profile"] == {}


def test_nulls_in_a_full_snapshot_are_as_absent() -> None:
    odd = full(2, user={"email": None, "address": {"country": None}}, attributes={"bio": None})
    after = row(full(1, user={"email": "E"}), odd)
    assert (after["profile"], after["attributes"], after["stamps"]) == ({}, {}, {})


def test_created_at_is_the_greatest_time_of_a_creation() -> None:
    assert row(event("created", 2), event("created", 1))["created_at"] == at(2)
    assert row(event("created", 1), event("created", 2))["created_at"] == at(2)


def test_updated_at_moves_only_with_a_claim_or_an_attribute() -> None:
    assert "updated_at" not in row(event("logged_in", 1), event("status_changed", 2, status="active"))
    assert row(full(1, user={"name": "N"}), full(2))["updated_at"] == at(1)
    assert row(partial(1, attributes={"bio": None}))["updated_at"] == at(1)
    assert row(partial(1, user={"name": None}))["updated_at"] == at(1)


def test_presence_is_the_newest_and_of_one_time_the_greater() -> None:
    away, online = (event("status_changed", 1, presence={"status": it}) for it in ("away", "online"))
    assert row(away, online)["presence"] == row(online, away)["presence"] == {"status": "online", "at": at(1)}
    later = event("status_changed", 2, presence={"status": "busy"})
    assert row(later, away)["presence"] == row(away, later)["presence"] == {"status": "busy", "at": at(2)}


def test_a_setting_cleared_at_the_time_of_the_snapshot_is_not_forgotten() -> None:
    history = [full(2), event("settings_updated", 2, settings={"sound": None})]
    late = event("settings_updated", 1, settings={"sound": 1})
    assert row(*history, late) == row(late, *history)
    assert row(*history, late)["settings"] == {}


def test_a_partial_at_the_time_of_the_snapshot_needs_no_stamp() -> None:
    history = [event("settings_updated", 1, settings={"sound": 1}), full(2)]
    assert row(*history, event("settings_updated", 2, settings={"sound": 2}))["stamps"] == {}


def test_times_are_compared_as_instants_and_cut_to_microseconds() -> None:
    zoned = partial(1, time="2024-01-01T02:00:01.1234567+02:00", user={"name": "zoned"})
    after = row(zoned, partial(1, user={"name": "earlier"}))
    assert after["profile"] == {"name": "zoned"}
    assert after["updated_at"] == "2024-01-01T00:00:01.123456Z"
    assert row(partial(1, time="2016-12-31T23:59:60.000000Z", user={"name": "leap"}))["updated_at"] == (
        "2017-01-01T00:00:00.000000Z"
    )


def test_a_status_of_deleted_in_another_event_is_a_status_and_no_deletion() -> None:
    after = row(full(1, status="deleted", user={"name": "N"}), partial(2, user={"name": "M"}))
    assert (after["status"], after["profile"]) == ("deleted", {"name": "M"})
    assert row(deleted(1))["status"] == "deleted"
