"""The program in which another version of the mapping runs."""

from io import BytesIO

import msgspec

from app.tools.mappings.mapping_process import (
    MappingReady,
    MappingTask,
    OutcomeText,
    WireRecord,
    read_frame,
    serve,
    write_frame,
)
from tests.tools.bench.bodies import bodies


def served(task: MappingTask, *batches: list[WireRecord]) -> list[bytes]:
    source, target = BytesIO(), BytesIO()
    for each in (task, *batches):
        write_frame(source, msgspec.msgpack.encode(each))
    source.seek(0)
    serve(source, target)
    target.seek(0)
    return list(iter(lambda: read_frame(target) or b"", b""))


def test_each_batch_has_an_answer() -> None:
    (body,) = bodies("magine", 1)
    records = [
        WireRecord("t/3", 5, 1_900_000_000_000, [("tenant", b"acme"), ("x", None)], body),
        WireRecord("t/3", 6, -1, [], None),
        WireRecord("t/3", 7, -1, [], b"\xff"),
    ]
    ready, first, second = served(MappingTask("magine", "default", 1 << 20), records, records[1:])
    told = msgspec.msgpack.decode(ready, type=MappingReady)
    assert (told.problem, told.path.endswith("app/vendors/__init__.py")) == ("", True)
    outcomes = msgspec.msgpack.decode(first, type=list[OutcomeText])
    (event,) = outcomes[0].events
    assert msgspec.json.decode(event)["origin"] == "t/3/5"
    assert msgspec.json.decode(event)["tenant"] == "acme"
    assert outcomes[1:] == [
        OutcomeText("skip", "tombstone"),
        OutcomeText("dead", "not_json", "$: expected JSON"),
    ]
    assert msgspec.msgpack.decode(second, type=list[OutcomeText]) == outcomes[1:]


def test_the_settings_of_an_outcome_are_those_of_the_task() -> None:
    record = WireRecord("t/3", 5, 1, [], b"{}")
    _ready, answer = served(MappingTask("magine", "default", 1), [record])
    assert b"too_large" in answer


def test_a_version_without_the_vendor_says_so() -> None:
    (ready,) = served(MappingTask("nobody", "default", 1), [])
    assert msgspec.msgpack.decode(ready, type=MappingReady).problem == "KeyError: 'nobody'"
