"""Logs: one line an event, and of an exception neither its text nor its local variables."""

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    GroupCoordinatorNotAvailableError,
    KafkaConnectionError,
    NodeNotReadyError,
    UnknownError,
)

from app.logs import set_up_logs

ROOT = Path(__file__).parents[1]
SECRET = "s3nt1nel"


@pytest.fixture(autouse=True)
def loggers_as_before() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in (None, "aiokafka", "faust", "mode", "asyncio", "aiohttp")]
    levels, handlers = [each.level for each in loggers], loggers[0].handlers[:]
    yield
    loggers[0].handlers[:] = handlers
    for each, level in zip(loggers, levels, strict=True):
        each.setLevel(level)


def fail(name: str, message: str) -> None:
    body = SECRET.encode() + b"\xff"
    try:
        body.decode()
    except UnicodeDecodeError as problem:
        logging.getLogger(name).log(logging.ERROR, message, problem, exc_info=problem)


def json_lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("json", "info")
    logging.getLogger("app.x").info("created topic %s", "a\nb")
    logging.getLogger("app.x").debug("not at this level")
    (line,) = json_lines(capsys)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "created topic a\nb", "level": "info", "logger": "app.x"}


@pytest.mark.parametrize("form", ["console", "json"])
@pytest.mark.parametrize("name", ["app.x", "faust.transport.consumer", "asyncio"])
def test_of_an_exception_only_type_and_places_are_told(
    form: Any, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logs(form, "info")
    fail(name, "Crashed reason=%r")
    said = capsys.readouterr().err
    assert SECRET not in said
    assert "UnicodeDecodeError" in said
    assert "test_logs.py" in said
    assert said.count("\n") == 1


def test_of_what_asyncio_tells_only_the_first_line_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("json", "info")
    lines = f"Task exception was never retrieved\nfuture: <Task {SECRET}>"
    logging.getLogger("asyncio").error(lines)
    logging.getLogger("asyncio").error("Task exception was never retrieved\nfuture: %s", SECRET)
    assert [line["event"] for line in json_lines(capsys)] == ["Task exception was never retrieved"] * 2


def test_the_chatter_of_the_libraries_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("json", "debug")
    for name in ("aiokafka", "faust", "mode"):
        logging.getLogger(name).info("of no interest")
    logging.getLogger("app.engine").info("[^-SliceTable]: Starting...")
    logging.getLogger("app.engine").warning("[^-SliceTable]: stuck")
    assert [line["event"] for line in json_lines(capsys)] == ["[^-SliceTable]: stuck"]


COORDINATOR = "aiokafka.consumer.group_coordinator"


def say_no_problem() -> None:
    log = logging.getLogger(COORDINATOR)
    log.error("Group Coordinator Request failed: %s", GroupCoordinatorNotAvailableError())
    log.warning("Heartbeat failed for group %s because it is rebalancing", "rollcall")
    # The engine says why a group refuses a worker, once.
    log.error("Attempt to join group failed due to fatal error: %s", GroupAuthorizationFailedError())
    log.error("Unexpected error in join group '%s' response: %s", "rollcall", UnknownError())
    log.error("Unexpected error from SyncGroup: %s", UnknownError())
    log.error("Heartbeat failed: %r", KafkaConnectionError())


def test_what_is_no_error_is_not_logged_as_one(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("json", "info")
    say_no_problem()
    assert json_lines(capsys) == []
    set_up_logs("json", "debug")
    say_no_problem()
    lines = json_lines(capsys)
    assert [line["level"] for line in lines] == ["debug"] * 6
    assert lines[0]["event"] == "Group Coordinator Request failed: GroupCoordinatorNotAvailableError"


def test_what_is_an_error_still_is(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("json", "info")
    for error in (GroupAuthorizationFailedError(), KafkaConnectionError(), NodeNotReadyError()):
        logging.getLogger(COORDINATOR).error("Group Coordinator Request failed: %s", error)
    logging.getLogger(COORDINATOR).error("Heartbeat session expired - marking coordinator dead")
    logging.getLogger("aiokafka").error(
        "Group Coordinator Request failed: %s", GroupCoordinatorNotAvailableError()
    )
    assert [line["level"] for line in json_lines(capsys)] == ["error"] * 5


def test_a_worker_starts_without_rich_and_a_later_import_of_it_works() -> None:
    program = "import sys, app.cli.worker; print('rich' in sys.modules); import rich; print(rich.__name__)"
    said = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True).stdout
    assert said.split() == [b"False", b"rich"]
