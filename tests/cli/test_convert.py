"""`rollcall convert` as a process: one outcome for each line."""

import json
import subprocess
import sys
import time
from typing import Any

import pytest

from app.vendors import VENDORS
from tests.cli.command import ROOT, environment, run, start

pytestmark = pytest.mark.traced

USER = b'{"type":"user.updated","timestamp":"2024-01-01T00:00:00Z","data":{"userId":"7","name":"Ada"}}'
MIB = 1 << 20


def outcomes(*arguments: str, stdin: bytes, vendor: str = "magine", **ours: str) -> list[dict[str, Any]]:
    done = run("convert", "--vendor", vendor, *arguments, stdin=stdin, ours=ours)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.endswith(b"\n") or not done.stdout
    return [json.loads(line) for line in done.stdout.splitlines()]


def the_event(*arguments: str, stdin: bytes = USER, **ours: str) -> dict[str, Any]:
    (outcome,) = outcomes(*arguments, stdin=stdin, **ours)
    (event,) = outcome["events"]
    assert isinstance(event, dict)
    return event


def test_nothing_in_is_nothing_out() -> None:
    assert outcomes(stdin=b"") == []


def test_every_line_is_a_record_also_an_empty_one_and_one_that_does_not_end() -> None:
    kinds = [each["outcome"] for each in outcomes(stdin=USER + b"\n\n" + USER)]
    assert kinds == ["emit", "dead", "emit"]
    assert [each["reason"] for each in outcomes(stdin=b"\n\n")] == ["not_json", "not_json"]


def test_only_a_newline_byte_ends_a_line() -> None:
    others = b"\r \x0b \x0c \x1c \x85 \xe2\x80\xa8 \x00".split(b" ")
    assert len(outcomes(stdin=b"{".join(others) + b"\n")) == 1
    assert outcomes(stdin=USER + b"\r\n")[0]["outcome"] == "emit"


def test_outcomes_are_written_as_the_contract_says() -> None:
    dead, skip = b'{"type":1}', b'{"type":"monetization.started"}'
    assert outcomes(stdin=dead + b"\n" + skip) == [
        {"outcome": "dead", "reason": "schema", "detail": "$.type: expected str"},
        {"outcome": "skip", "reason": "other_family"},
    ]


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_long_line_is_too_large_and_the_next_is_read(vendor: str) -> None:
    found = outcomes(stdin=b"x" * 3 * MIB + b"\n{\n" + b"[" * 3 * MIB, vendor=vendor)
    assert [each["reason"] for each in found] == ["too_large", "not_json", "too_large"]


def test_the_limit_is_a_setting() -> None:
    limit = str(len(USER))
    assert outcomes(stdin=USER, MAX_RECORD_BYTES=limit)[0]["outcome"] == "emit"
    assert outcomes(stdin=USER + b" ", MAX_RECORD_BYTES=limit)[0]["reason"] == "too_large"


def test_the_origin_counts_on_by_line() -> None:
    found = outcomes("--origin", "a/b/3/41", stdin=(USER + b"\n") * 3)
    assert [each["events"][0]["origin"] for each in found] == ["a/b/3/41", "a/b/3/42", "a/b/3/43"]
    assert the_event()["origin"] == "-/0/0"


def test_the_tenant_is_a_header_and_the_last_of_a_name_counts() -> None:
    assert the_event("--tenant", "acme")["tenant"] == "acme"
    assert the_event("--header", "Tenant=acme")["tenant"] == "acme"
    assert the_event("--header", "tenant=a", "--header", "TENANT=b=c")["tenant"] == "b=c"
    assert the_event("--header", "tenant=")["tenant"] == "default"
    assert the_event(TENANT_MAGINE="house")["tenant"] == "house"
    assert the_event("--header", "webhook-id=evt-1")["id"] == "user.updated:evt-1"


def test_the_timestamp_is_the_records_or_now() -> None:
    assert the_event("--timestamp", "1704067200123")["recordedtime"] == "2024-01-01T00:00:00.123000Z"
    before = time.time_ns() // 1_000_000
    recorded = the_event()["recordedtime"]
    assert recorded >= the_event("--timestamp", str(before))["recordedtime"]
    (early,) = outcomes("--timestamp", "1600000000000", stdin=USER)
    assert early["reason"] == "bad_time"


@pytest.mark.parametrize("timestamp", ["-1", "0", str(2**63 - 1), str(-(2**63)), str(10**30)])
def test_any_timestamp_gives_an_outcome(timestamp: str) -> None:
    (found,) = outcomes(f"--timestamp={timestamp}", stdin=USER)
    assert found.get("reason") != "mapper_error"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--vendor", "nobody"],
        ["--vendor", "magine", "--header", "tenant"],
        ["--vendor", "magine", "--header", "=x"],
        ["--vendor", "magine", "--timestamp", "now"],
        ["--vendor", "magine", "--origin", "topic/0"],
        ["--vendor", "magine", "--origin", "topic/0/x"],
        ["--vendor", "magine", "--what"],
    ],
)
def test_bad_usage_is_exit_code_2(arguments: list[str]) -> None:
    done = run("convert", *arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"usage: rollcall")
    assert b"Traceback" not in done.stderr


def test_bytes_that_are_no_text_may_be_in_headers() -> None:
    arguments = [b"convert", b"--vendor", b"magine", b"--header", b"tenant=\xff"]
    command = [sys.executable.encode(), b"-m", b"app", *arguments]
    done = subprocess.run(command, input=USER, capture_output=True, cwd=ROOT, env=environment(), check=True)
    assert json.loads(done.stdout)["events"][0]["tenant"] == "default"


def test_a_line_is_answered_before_the_next_has_come() -> None:
    with start("convert", "--vendor", "magine") as process:
        assert process.stdin
        assert process.stdout
        for _ in range(3):
            process.stdin.write(USER + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["outcome"] == "emit"
        process.stdin.write(USER)
        process.stdin.close()
        assert json.loads(process.stdout.readline())["outcome"] == "emit"
        assert process.wait(30) == 0


def test_a_reader_that_goes_away_ends_it_without_a_traceback() -> None:
    with start("convert", "--vendor", "magine") as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        try:
            for _ in range(100):
                process.stdin.write(USER + b"\n")
                process.stdin.flush()
            process.stdin.close()
        except BrokenPipeError:
            pass
        assert process.wait(30) == 1
        assert process.stderr.read() == b""
        # Bytes that the closed pipe did not take must not be written again at the end of `with`.
        process.stdin = None


@pytest.mark.parametrize("command", ["convert", "fold"])
def test_neither_kafka_nor_faust_is_imported(command: str) -> None:
    arguments = ["convert", "--vendor", "fynd"] if command == "convert" else ["fold"]
    unwanted = {"faust", "mode", "aiokafka", "asyncio", "rich"}
    program = (
        "import sys; from app.cli.main import main; code = main(sys.argv[1:]);"
        f"print(code, [name for name in {unwanted} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        cwd=ROOT,
        env=environment(),
        check=True,
    )
    assert done.stdout == b"0 []\n"
