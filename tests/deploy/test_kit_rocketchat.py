"""The forwarder for Rocket.Chat: the engine's own types take it, and a worker and the receiver of the kits
take what it sends. It is not run on a server of Rocket.Chat."""

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from multidict import CIMultiDict

from app.outcome import Emit
from receiver import VERIFY
from tests.deploy.repository import ROOT
from tests.deploy.tools import NODE_MODULES, missing, must, run, tool
from tests.schemas.validation import accepts
from tests.vendors.fixtures import fixtures_of
from tests.vendors.records import ROCKETCHAT, outcome_of

pytestmark = pytest.mark.deploy

KIT = ROOT / "docs/kits/rocketchat"
SECRET = "whsec_czNudDFuZWwtb2YtdGhlLWZvcndhcmRlcg=="
ATTEMPTS = 5


@pytest.fixture
def forwarder(tmp_path: Path) -> Path:
    """A copy of the kit, beside the packages of npm that it needs."""
    if not (NODE_MODULES / "@rocket.chat/apps-engine").is_dir():
        missing("npm's @rocket.chat/apps-engine")
    kit = tmp_path / "kit"
    shutil.copytree(KIT, kit)
    (kit / "node_modules").symlink_to(NODE_MODULES)
    return kit


def _hooks() -> list[tuple[str, Any]]:
    """Returns a hook and its context for each event of Rocket.Chat."""
    found: dict[str, Any] = {}
    for fixture in fixtures_of("rocketchat"):
        if fixture.outcome.get("events") and fixture.value:
            body = json.loads(fixture.value)
            found.setdefault(body["event"], body["context"])
    return [(f"execute{name[1:]}", context) for name, context in sorted(found.items())]


def test_what_it_sends_is_taken_by_the_receiver_and_by_a_worker(forwarder: Path) -> None:
    compiler = NODE_MODULES / "typescript/bin/tsc"
    must(tool("node"), compiler, "-p", forwarder)
    hooks = _hooks()
    named = json.loads((forwarder / "app.json").read_text("utf-8"))["implements"]
    assert sorted(named) == ["I" + hook.removeprefix("execute") for hook, _ in hooks]
    assert len(hooks) == 6

    drive = ROOT / "tests/deploy/drive_forwarder.js"
    program = forwarder / "out/RollcallForwarder.js"
    said = [
        json.loads(it)
        for it in must(
            tool("node"), drive, program, forwarder / "app.json", SECRET, stdin=json.dumps(hooks)
        ).splitlines()
    ]
    (provided, *sent), lost, logged = said[: -1 - ATTEMPTS], said[-1 - ATTEMPTS : -1], said[-1]
    assert provided == {"provided": ["url", "secret"]}
    ids = set()
    for (hook, context), attempts in zip(hooks, _in_groups(sent, 3), strict=True):
        text = attempts[0]["content"]
        envelope, body = json.loads(text), text.encode()
        assert accepts("rocketchat-body", envelope)
        assert (envelope["event"], envelope["context"]) == (f"I{hook.removeprefix('execute')}", context)
        for attempt in attempts:
            headers = CIMultiDict(attempt["headers"])
            assert (attempt["content"], headers["webhook-id"]) == (text, envelope["eventId"])
            assert VERIFY["rocketchat"](SECRET, headers, body, time.time())
            assert not VERIFY["rocketchat"](SECRET, headers, body + b" ", time.time())
        outcome = outcome_of(ROCKETCHAT, body, timestamp=int(time.time() * 1_000))
        assert isinstance(outcome, Emit)
        (made,) = outcome.events
        assert (made.tenant, made.timesource) == ("hq", "event")
        assert made.id == f"{envelope['event']}:{envelope['eventId']}"
        ids.add(made.id)
    assert len(ids) == len(hooks)
    (event_id,) = {json.loads(attempt["content"])["eventId"] for attempt in lost}
    assert logged == {"logged": f"IPostUserLoggedOut {event_id} was not forwarded"}


def _in_groups(sent: list[Any], size: int) -> list[list[Any]]:
    return [sent[start : start + size] for start in range(0, len(sent), size)]


def test_the_types_of_the_engine_find_a_wrong_hook(forwarder: Path) -> None:
    source = forwarder / "RollcallForwarder.ts"
    text = source.read_text("utf-8")
    source.write_text(
        text.replace("executePostUserLoggedIn(user: IUser", "executePostUserLoggedIn(user: number")
    )
    done = run(tool("node"), NODE_MODULES / "typescript/bin/tsc", "-p", forwarder)
    assert done.returncode != 0
    assert "IPostUserLoggedIn" in done.stdout
