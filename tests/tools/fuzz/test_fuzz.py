"""Tries hostile inputs in every run of the tests, and checks that the fuzzer finds broken promises."""

import dataclasses
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from app.canonical import Event
from app.dead_letters import PreparedDeadLetter
from app.engine.producer.refusals import Written
from app.engine.tables.merge_rules import LaterVersion, NoRow, TableName, TableRules
from app.new_event import NewData
from app.outcome import DEAD_REASONS, SKIP_REASONS
from app.state import EFFECTS, Effect, LoyaltyRow, User, UserRow
from app.state import apply as real_apply
from app.state.rules import decoding
from app.table_rules import TABLE_RULES
from app.times import sortable
from app.vendors import VENDORS, Options
from app.vendors.magine import MAGINE
from app.vendors.model import Draft, Invalid, Mapped, Mapper, Message, deletion
from tests.tools.fuzz import campaign, laws, row_laws
from tests.tools.fuzz.campaign import Report, finding_of
from tests.tools.fuzz.inputs import HistoryInput, Input, RecordInput, input_of
from tests.tools.fuzz.minimise import minimised
from tests.tools.fuzz.row_inputs import RowInput
from tests.vendors.records import MAGINE_BODY, NOON

ROOT = Path(__file__).parents[3]
KINDS_OF_RECORDS = {"row", "no row not_json", "no row schema", "later version", "keyless", "tombstone"}
Applied = tuple[User | None, LoyaltyRow | None, Effect]
real_cut = PreparedDeadLetter._cut
INPUTS = int(os.environ.get("FUZZ_INPUTS", "200000"))


def fuzz(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Returns how the command ended. Coverage does not trace it, because it would take minutes then."""
    environment = {name: text for name, text in os.environ.items() if "COV" not in name}
    command = [sys.executable, "-m", "tests.tools.fuzz", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "inputs", [pytest.param(INPUTS, marks=pytest.mark.thorough if INPUTS > 10_000 else ())]
)
def test_hostile_inputs_break_no_promise_and_reach_every_outcome(inputs: int) -> None:
    ended = fuzz("--inputs", str(inputs), "--seed", "1", "--jobs", "2")
    assert ended.returncode == 0, ended.stderr
    seen = set(re.findall(r"^  (\w+) +(\S.*?) +[\d,]+$", ended.stdout, re.MULTILINE))
    names = {name for _, name in seen}
    assert {f"dead {reason}" for reason in DEAD_REASONS} - names == {"dead mapper_error"}
    assert {f"skip {reason}" for reason in SKIP_REASONS} <= names
    assert {("canonical", effect) for effect in (*EFFECTS, "refused")} <= seen
    assert {(vendor, "emit") for vendor in VENDORS} <= seen
    assert {("rows", kind) for kind in KINDS_OF_RECORDS} <= seen


@pytest.mark.thorough
def test_an_input_is_the_same_in_every_process() -> None:
    script = "from tests.tools.fuzz.inputs import input_of; print([input_of(7, it) for it in range(300)])"
    command = [sys.executable, "-c", script]
    outputs = [
        subprocess.run(
            command, cwd=ROOT, env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    ]
    assert outputs[0] == outputs[1]
    assert outputs[0].decode().strip() == str([input_of(7, it) for it in range(300)])


def record(value: bytes = MAGINE_BODY) -> RecordInput:
    return RecordInput("magine", value, [], NOON, 0, Options())


def mapped(**changes: object) -> Mapped:
    draft = Draft("user.updated", "u", sortable(NOON * 1000), "event", NewData("full", UNSET, {"sub": "u"}))
    return Mapped("user.updated", None, [replace(draft, **changes)])


def crashes(_: Message) -> Mapped:
    raise KeyError("zq7")


def quotes(message: Message) -> Mapped:
    raise Invalid("schema", f"$.data: expected no {message.body[:40].decode('latin-1')}")


def quotes_a_part(message: Message) -> Mapped:
    raise Invalid("schema", "$.data: expected zq7")


_calls: Iterator[int] = iter(range(1000))


def is_impure(_: Message) -> Mapped:
    return mapped(sub=str(next(_calls)))


def clears_in_a_full_snapshot(_: Message) -> Mapped:
    return mapped(data=NewData("full", UNSET, {"sub": "u", "email": None}))


def carries_what_nobody_allowed(_: Message) -> Mapped:
    return mapped(data=NewData("full", UNSET, {"sub": "u"}, attributes={"position_lat_lng": "1,2"}))


def carries_the_deleted(_: Message) -> Mapped:
    data = deletion("u", "soft")
    data.user = {"sub": "u", "email": "zq7"}
    return mapped(type="user.deleted", data=data)


def carries_far_more(message: Message) -> Mapped:
    return mapped(data=NewData("full", UNSET, {"sub": "u", "name": "n" * 16_000}))


def names_a_value(message: Message) -> Mapped:
    message.left_out.append("zq7")
    return mapped()


@pytest.mark.parametrize(
    ("mapper", "finding"),
    [
        (crashes, "never mapper_error"),
        (quotes, "a detail is a path and an expectation"),
        (quotes_a_part, "no text of the payload"),
        (is_impure, "convert is pure"),
        (clears_in_a_full_snapshot, "an absent claim is left out"),
        (carries_what_nobody_allowed, "attributes are on the allow-list"),
        (carries_the_deleted, "the user's sub only"),
        (carries_far_more, "little more than its message"),
        (names_a_value, "left_out names members that are read"),
    ],
)
def test_a_mapper_that_breaks_a_promise_is_found(
    mapper: Mapper, finding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert finding_of(record(), Report()) is None
    monkeypatch.setitem(VENDORS, "magine", replace(MAGINE, map=mapper))
    found = finding_of(record(), Report())
    assert found is not None
    assert finding in found
    assert "zq7" not in found


def forgets(event: Event, user: User | None, loyalty: LoyaltyRow | None) -> Applied:
    return real_apply(event, None, None)


def lets_the_last_win(event: Event, user: User | None, loyalty: LoyaltyRow | None) -> Applied:
    """Returns rows in which a deletion of the past has become one of today."""
    if event.type != "user.deleted" or user is None:
        return real_apply(event, user, loyalty)
    return real_apply(replace(event, time="2025-11-21T00:00:00Z"), user, loyalty)


def writes_into_the_row(event: Event, user: User | None, loyalty: LoyaltyRow | None) -> Applied:
    if isinstance(user, UserRow):
        user.profile["name"] = event.id
    return real_apply(event, user, loyalty)


@pytest.mark.parametrize(
    ("apply", "finding"),
    [
        (forgets, "a repeat changes nothing"),
        (lets_the_last_win, "fold is apply for each"),
        (writes_into_the_row, "apply leaves the rows that it is given"),
    ],
)
def test_a_state_that_breaks_a_law_is_found(
    apply: Callable[[Event, User | None, LoyaltyRow | None], Applied],
    finding: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    histories = [it for it in (input_of(3, number) for number in range(600)) if isinstance(it, HistoryInput)]
    assert [finding_of(it, Report()) for it in histories] == [None] * len(histories)
    monkeypatch.setattr(laws, "apply", apply)
    assert finding in {finding_of(it, Report()) for it in histories}


@cache
def lawful_logs() -> list[RowInput]:
    """Returns logs of rows in which nothing is found as long as no mistake is planted."""
    logs = [it for it in (input_of(3, number) for number in range(6000)) if isinstance(it, RowInput)]
    assert {finding_of(it, Report()) for it in logs} == {None}
    return logs


def takes_any_time(table: TableName, key: bytes, value: bytes) -> NoRow | LaterVersion | None:
    verdict = TABLE_RULES.judge(table, key, value)
    return None if isinstance(verdict, NoRow) and "a time in UTC" in verdict.detail else verdict


def takes_any_key(table: TableName, key: bytes, value: bytes) -> NoRow | LaterVersion | None:
    verdict = TABLE_RULES.judge(table, key, value)
    return None if isinstance(verdict, NoRow) and "the record's key" in verdict.detail else verdict


def quotes_the_row(table: TableName, key: bytes, value: bytes) -> NoRow | LaterVersion | None:
    verdict = TABLE_RULES.judge(table, key, value)
    return NoRow("schema", value.decode("latin-1")) if isinstance(verdict, NoRow) else verdict


def takes_the_newer(_key: bytes, _older: bytes, newer: bytes) -> bytes:
    return newer


def supersedes_always(_older: bytes, _newer: bytes) -> bool:
    return True


def users_by(**functions: Any) -> TableRules:
    return dataclasses.replace(TABLE_RULES, users=dataclasses.replace(TABLE_RULES.users, **functions))


@pytest.mark.parametrize(
    ("rules", "finding"),
    [
        (dataclasses.replace(TABLE_RULES, judge=takes_any_time), "raised InvalidRow in decoding.py"),
        (dataclasses.replace(TABLE_RULES, judge=takes_any_key), "a row tells its key"),
        (dataclasses.replace(TABLE_RULES, judge=quotes_the_row), "no text of the payload"),
        (users_by(merge=takes_the_newer), "the merge of rows is commutative"),
        (users_by(supersedes=supersedes_always), "a row that supersedes is the merge"),
    ],
)
@pytest.mark.untraced
def test_a_rows_logic_that_breaks_a_law_is_found(
    rules: TableRules, finding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs = lawful_logs()
    monkeypatch.setattr(row_laws, "TABLE_RULES", rules)
    found = {finding_of(it, Report()) for it in logs} - {None}
    assert any(finding in (each or "") for each in found), found
    assert not any("zq7" in (each or "") for each in found)


@pytest.mark.untraced
def test_a_reader_of_rows_that_takes_any_time_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    logs = lawful_logs()
    monkeypatch.setattr(decoding, "is_canonical", lambda _: True)
    assert any("raised ValueError" in (finding_of(it, Report()) or "") for it in logs)


def does_not_fit(dead_letter: PreparedDeadLetter) -> Written:
    whole = real_cut(dead_letter)
    return whole._replace(value=dead_letter._record.value)


def says_not_that_it_is_cut(dead_letter: PreparedDeadLetter) -> Written:
    cut = real_cut(dead_letter)
    return cut._replace(headers=[each for each in cut.headers if each[0] != "x-truncated"])


def has_a_header_twice(dead_letter: PreparedDeadLetter) -> Written:
    cut = real_cut(dead_letter)
    return cut._replace(headers=[*cut.headers, ("X-Attempt", b"1")])


@pytest.mark.parametrize(
    ("cut", "finding"),
    [
        (does_not_fit, "a dead letter fits its topic"),
        (says_not_that_it_is_cut, "a dead letter that is not whole says so"),
        (has_a_header_twice, "a dead letter has each header of ours once"),
    ],
)
def test_a_dead_letter_that_breaks_a_promise_is_found(
    cut: Callable[[PreparedDeadLetter], Written], finding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = replace(record(b"[" + b" " * 70_000), headers=[("Tenant", b"acme"), ("X-Attempt", b"3")])
    assert finding_of(large, Report()) is None
    monkeypatch.setattr(PreparedDeadLetter, "_cut", cut)
    assert finding_of(large, Report()) == finding


def test_details_without_end_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A detail that repeats the payload differs from body to body, also if the body has no planted text."""
    monkeypatch.setattr(campaign, "_DETAILS_AT_MOST", 2)
    report = Report()
    bodies = [b"{}", b'{"type":"user.updated"}', b'{"type":"nothing"}', b'{"type":"user.updated","data":{}}']
    assert {finding_of(record(body), report) for body in bodies} == {None, "details are of a closed set"}


def hangs(_input: Input, _report: Report, _number: int) -> str | None:
    """Hangs in C, so that no signal handler of Python can run."""
    return str(re.match(r"(a|aa)+\Z", "a" * 200 + "b"))


def dies(_input: Input, _report: Report, _number: int) -> str | None:
    os.kill(os.getpid(), signal.SIGKILL)
    return None


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("judge", "what"),
    [(hangs, "took longer than 0.2 s of processor time"), (dies, "ended the process with -9")],
)
def test_an_input_that_hangs_or_kills_is_found_and_the_next_are_still_tried(
    judge: Callable[[Input, Report, int], str | None], what: str
) -> None:
    report = campaign.campaign(campaign.Plan(5, 3, 1, judge, 0.2), lambda _: None)
    assert {found for _, found in report.findings} == {what}
    assert sorted(number for numbers in report.findings.values() for number in numbers) == [0, 1, 2]


def test_a_finding_is_reduced_to_what_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    def crashes_at_a_seven(message: Message) -> Mapped:
        if b"7" in message.body:
            raise KeyError("zq7")
        return mapped()

    monkeypatch.setitem(VENDORS, "magine", replace(MAGINE, map=crashes_at_a_seven))
    whole = record(b'{"type":"user.updated","data":[1,7,77],"headers":7}')
    finding = finding_of(whole, Report())
    assert finding is not None
    least = minimised(whole, finding)
    assert isinstance(least, RecordInput)
    assert least.value == b"7"


def test_show_writes_the_input_to_files_and_prints_nothing_of_it(tmp_path: Path) -> None:
    number = next(it for it in range(1000) if b"zq7" in (getattr(input_of(2, it), "value", b"") or b""))
    shown = fuzz("--show", f"2:{number}", "--out", str(tmp_path))
    assert shown.returncode == 0
    assert "zq7" not in shown.stdout + shown.stderr
    assert any(b"zq7" in path.read_bytes() for path in tmp_path.iterdir())
