"""An export against the records of the users changelog."""

import json

import pytest

from app.canonical import Event, decode_event, encode_event
from app.errors import CommandFailed
from app.outcome import Dead
from app.state import User, encode_user
from app.tools.exports.import_tally import ImportTally
from app.tools.exports.reconcile_plan import check_deletions, planned
from app.tools.exports.reconcile_report import json_of, text_of
from app.tools.exports.reconciliation import FINDINGS, Finding, Found, Reconciliation
from app.tools.exports.user_snapshots import SnapshotConverter
from tests.state.events import START, deleted, full, micros, partial
from tests.state.histories import replay

AS_OF = 20


def key(sub: str) -> bytes:
    return b"magine/acme/" + sub.encode()


def row(*events: Event) -> bytes:
    user: User | None = replay(list(events)).user
    assert user is not None
    return encode_user(user)


def reconciled(*exported: Event) -> Reconciliation:
    reconciliation = Reconciliation("magine", "acme")
    for each in exported:
        reconciliation.add_event(each)
    return reconciliation


def found_keys(found: Found) -> dict[Finding, list[str]]:
    return {
        name: [it.decode().rpartition("/")[2] for it in keys] for name, keys in found.keys.items() if keys
    }


@pytest.fixture
def example() -> Reconciliation:
    name = {"user": {"name": "Ada"}}
    exported = [full(5, sub=sub, **name) for sub in ("same", "absent", "other", "back", "late")]
    it = reconciled(*exported, deleted(5, sub="ended"))
    it.add_row(key("same"), row(full(5, sub="same", **name)))
    it.add_row(key("other"), row(full(3, sub="other", user={"name": "Bo"})))
    it.add_row(key("back"), row(deleted(3, sub="back")))
    it.add_row(key("late"), row(full(30, sub="late", user={"name": "Bo"})))
    it.add_row(key("ended"), row(full(3, sub="ended")))
    it.add_row(key("gone%2F"), row(full(3, sub="gone/")))
    it.add_row(key("since"), row(full(30, sub="since")))
    it.add_row(key("partly"), row(full(3, sub="partly"), partial(30, sub="partly", user={"name": "x"})))
    it.add_row(key("marker"), row(deleted(3, sub="marker")))
    it.add_row(b"magine/other/x", row(full(3)))
    it.add_row(None, b"x")
    return it


def test_each_user_is_found_once(example: Reconciliation) -> None:
    found = example.found(micros(AS_OF))
    assert found_keys(found) == {
        "missing": ["absent"],
        "deleted_here": ["back"],
        "deleted_there": ["ended"],
        "gone": ["gone%2F"],
        "differing": ["other"],
    }
    assert found.fields == {"profile.name": 1}
    assert (found.newer, found.seen_since, example.users, example.rows) == (1, 2, 6, 7)
    without_time = example.found(None)
    assert found_keys(without_time)["gone"] == ["gone%2F", "partly", "since"]
    assert without_time.seen_since == 0


def test_the_last_row_of_a_key_counts() -> None:
    it = reconciled(full(5, sub="a"))
    for sub in ("a", "b"):
        it.add_row(key(sub), row(full(3, sub=sub)))
    assert found_keys(it.found(None)) == {"gone": ["b"]}
    for value in (b"{", b"{}", row(full(3, sub="c"))):
        it.add_row(key("a"), value)
    assert it.no_rows == 3
    assert found_keys(it.found(None)) == {"gone": ["b"]}
    for sub in ("a", "b"):
        it.add_row(key(sub), None)
    assert found_keys(it.found(None)) == {"missing": ["a"]}
    assert it.rows == 0


def test_rows_of_a_later_version_are_not_compared() -> None:
    it = reconciled(full(5, sub="a"))
    later = json.loads(row(full(3, sub="a"))) | {"new": 1}
    it.add_row(key("a"), json.dumps(later).encode())
    it.add_row(key("b"), row(full(3, sub="b")))
    it.add_row(key("b"), json.dumps({**later, "sub": "b"}).encode())
    assert found_keys(it.found(None)) == {}
    assert it.later == 2
    it.add_row(key("a"), row(full(3, sub="a", user={"name": "x"})))
    assert found_keys(it.found(None)) == {"differing": ["a"]}
    assert it.later == 1


def test_of_two_events_of_a_user_the_later_one_counts() -> None:
    older, newer = full(5, sub="a", user={"name": "x"}), full(6, sub="a", user={"name": "y"})
    for exported in ([older, newer], [newer, older]):
        assert reconciled(*exported).event_of(key("a")) == newer


def converter() -> SnapshotConverter:
    return SnapshotConverter("magine", "acme", (START + AS_OF) * 1000, (START + 60) * 1000, 1000)


def test_what_is_written_ends_the_findings(example: Reconciliation) -> None:
    found = example.found(micros(AS_OF))
    without = planned(example, found, converter(), deletions=False)
    assert [event.type for event in without.snapshots] == ["user.updated"] * 3
    assert without.deletions == []
    plan = planned(example, found, converter(), deletions=True)
    assert plan.snapshots == without.snapshots
    assert [event.partitionkey for event in plan.deletions] == ["magine/acme/ended", "magine/acme/gone%2F"]
    check_deletions(plan, example, ImportTally(), most=2)
    check_deletions(without, Reconciliation("magine", "acme"), ImportTally(), most=0)
    rows = {
        "other": [full(3, sub="other", user={"name": "Bo"})],
        "back": [deleted(3, sub="back")],
        "absent": [],
    }
    rows |= {"ended": [full(3, sub="ended")], "gone%2F": [full(3, sub="gone/")]}
    for event in (*plan.snapshots, *plan.deletions):
        sub = event.partitionkey.rpartition("/")[2]
        again = encode_event(event)
        example.add_row(key(sub), row(*rows[sub], decode_event(again)))
    assert found_keys(example.found(micros(AS_OF))) == {}


def test_no_deletions_of_a_file_that_may_not_be_whole(example: Reconciliation) -> None:
    plan = planned(example, example.found(micros(AS_OF)), converter(), deletions=True)
    with pytest.raises(CommandFailed, match=r"they are 2, and --most-deletions is 1\Z"):
        check_deletions(plan, example, ImportTally(), most=1)
    with pytest.raises(CommandFailed, match="the export has no user"):
        check_deletions(plan, Reconciliation("magine", "acme"), ImportTally(), most=5)
    tally = ImportTally()
    tally.add(3, Dead("schema", "$: expected an object"))
    with pytest.raises(CommandFailed, match="1 lines were refused"):
        check_deletions(plan, example, tally, most=5)


def test_the_report_has_keys_only_if_asked(example: Reconciliation) -> None:
    found, tally = example.found(micros(AS_OF)), ImportTally()
    told = text_of(example, tally, found, show_keys=False)
    assert told[0] == "6 users in the export, 7 in the table"
    assert "missing here: 1" in told
    assert "gone there: not in the export: 1" in told
    assert "field profile.name: 1" in told
    assert "with fields that are newer here: 1" in told
    assert "not in the export, and seen since: 2" in told
    assert not any("magine/acme" in line for line in told)
    assert "  magine/acme/absent" in text_of(example, tally, found, show_keys=True)
    members = json_of(example, tally, found, show_keys=False)
    assert {name: members[name] for name in FINDINGS} == {name: len(found.keys[name]) for name in FINDINGS}
    assert "magine/acme" not in json.dumps(members)
    shown = json_of(example, tally, found, show_keys=True)
    assert shown["keys"]["gone"] == ["magine/acme/gone%2F"]
