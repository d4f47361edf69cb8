"""aiokafka's private parts: every one that the engine uses is listed and exists, and the replacements are in
place in every module that makes a client."""

import ast
import inspect
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from app.engine.aiokafka_parts import PRIVATE_PARTS

ROOT = Path(__file__).parents[2]
ENGINE = ROOT / "app" / "engine"
TREES = {
    ".".join(path.relative_to(ENGINE).with_suffix("").parts).removesuffix(".__init__"): ast.parse(
        path.read_text("utf-8")
    )
    for path in ENGINE.rglob("*.py")
}
LISTED = {(module, name) for parts in PRIVATE_PARTS for name in parts.names for module in parts.modules}

# What aiokafka documents; everything else of it is private, whatever its name.
PUBLIC_MODULES = {
    "aiokafka",
    "aiokafka.abc",
    "aiokafka.errors",
    "aiokafka.structs",
    "aiokafka.coordinator.assignors.roundrobin",
}
# Private names that are used on objects which are not aiokafka's: Python's, Faust's, our own.
OF_OTHERS = {
    ("fatal", "_exit"),
    ("run", "_exit"),
    ("watchdog.watchdog", "_exit"),
    ("watchdog.watchdog", "_replace"),
    ("tables.zombie_rows", "_replace"),
    ("tables.row_store", "_kept"),
    ("run", "_crashed"),
    ("consumer.client_thread", "_is_changelog_tp"),
}
# Everything that aiokafka connects to a broker with.
CLIENTS = {
    "AIOKafkaAdminClient",
    "AIOKafkaClient",
    "AIOKafkaConsumer",
    "AIOKafkaProducer",
    "AIOKafkaConsumerThread",
}


def _names(tree: ast.Module) -> set[str]:
    """Returns every name that a module imports, and every attribute that it uses."""
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    imported = {
        alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    return attributes | imported


def _has_clients(code: str) -> bool:
    """Returns whether the module uses one of the names. Nearly all have none in their text, so few are
    parsed."""
    return any(client in code for client in CLIENTS) and bool(CLIENTS & _names(ast.parse(code)))


WITH_CLIENTS = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in (ROOT / "app").rglob("*.py")
    if _has_clients(path.read_text("utf-8"))
)
# Each module is imported in a process of its own. The processes are forked after what costs most of an
# import, which has no part of aiokafka.
LOOK = """
import importlib, os, sys, traceback
import aiohttp, faust.app.base

assert not {"aiokafka", "app"} & {name.partition(".")[0] for name in sys.modules}

def look(module):
    importlib.import_module(module)
    from aiokafka import errors
    from aiokafka.consumer import fetcher
    from aiokafka.protocol import metadata
    for version in (metadata.MetadataRequest_v4, metadata.MetadataRequest_v5):
        for asked in (metadata.MetadataRequest(["a"]), metadata.MetadataRequest(None, True)):
            assert asked.build(version).allow_auto_topic_creation is False
    assert metadata.MetadataRequest(["a"]).build(metadata.MetadataRequest_v1).topics == ["a"]
    assert fetcher.MemoryRecords.__name__ == "LenientRecords"
    assert fetcher.FetchResult.__module__ == "app.engine.record_batches.fetched_records"
    from aiokafka.record.legacy_records import LegacyRecordBatch
    decoder = importlib.import_module(LegacyRecordBatch.__module__)
    for name in ("gzip_decode", "snappy_decode", "lz4_decode"):
        assert getattr(decoder, name).func.__module__ == "app.engine.record_batches.inflation"
    assert errors.for_code(87).__name__ == "InvalidRecordError"

for module in sys.argv[1:]:
    child = os.fork()
    if not child:
        ended = 1
        try:
            look(module)
            ended = 0
        except BaseException:
            traceback.print_exc()
        sys.stderr.flush()
        os._exit(ended)
    print(module, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_there_are_modules_with_clients() -> None:
    assert {
        "app.topic_admin",
        "app.engine.producer.producer",
        "app.engine.log_reader",
        "app.engine.consumer.client_thread",
    } <= set(WITH_CLIENTS)


@pytest.mark.thorough
def test_a_metadata_request_never_creates_a_topic() -> None:
    """Nor is any other replacement missing in a process that imports one of the modules only."""
    done = subprocess.run(
        [sys.executable, "-c", LOOK, *WITH_CLIENTS], cwd=ROOT, capture_output=True, check=False, text=True
    )
    assert done.stdout.splitlines() == [f"{module} 0" for module in WITH_CLIENTS], done.stderr
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", sorted({name for _, name in LISTED}))
def test_a_listed_part_exists_in_the_pinned_aiokafka(name: str) -> None:
    owner, rest = _imported(name)
    for attribute in rest:
        if not hasattr(owner, attribute):
            assert _sets_in_its_code(owner, attribute), f"{name} is gone: see app/engine/aiokafka_parts.py"
            return
        owner = getattr(owner, attribute)


@pytest.mark.parametrize("module", sorted(TREES))
def test_no_module_uses_a_private_part_that_is_not_listed_for_it(module: str) -> None:
    private = {name for name in _private_names(TREES[module]) if (module, name) not in OF_OTHERS}
    listed = {name.rpartition(".")[2] for each, name in LISTED if each == module}
    assert private - listed == set()


@pytest.mark.parametrize(("module", "name"), sorted(LISTED))
def test_a_listed_part_is_used_by_its_module(module: str, name: str) -> None:
    assert name.rpartition(".")[2] in _names(TREES[module])


def test_the_exceptions_are_all_needed() -> None:
    assert {(module, name) for module, tree in TREES.items() for name in _private_names(tree)} >= OF_OTHERS


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("def f(client):\n    client._sender.close()", {"_sender"}),
        ("def f(client):\n    client._closed = True", {"_closed"}),
        ("from aiokafka.record.util import calc_crc32c", {"calc_crc32c"}),
        ("from aiokafka import TopicPartition", set()),
        ("class Ours:\n    def f(self): return self._client", set()),
        ("class Ours:\n    def f(self): return self._client._wait", {"_wait"}),
        ("from aiokafka import AIOKafkaClient as A\nclass B(A):\n    def f(self): self._conns", {"_conns"}),
        ("import aiokafka\nclass B(aiokafka.C[int]):\n    def f(self): self._conns", {"_conns"}),
    ],
)
def test_the_scan_sees_what_it_is_for(code: str, found: set[str]) -> None:
    assert set(_private_names(ast.parse(code))) == found


def _imported(name: str) -> tuple[object, list[str]]:
    """Returns the innermost module of a dotted name, and the rest of the name."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            return import_module(".".join(parts[:length])), parts[length:]
        except ModuleNotFoundError:
            continue
    raise AssertionError(f"{name} is in no module")


def _sets_in_its_code(owner: object, attribute: str) -> bool:
    """Returns whether a method of the class, or of one that it extends, sets this attribute of `self`."""
    if not isinstance(owner, type):
        return False
    return any(
        isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and node.attr == attribute
        and ast.unparse(node.value) == "self"
        for each in owner.__mro__[:-1]
        for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(each))))
    )


def _private_names(tree: ast.Module) -> Iterator[str]:
    """Yields each name that begins with `_` and is used on anything but `self`, and each name that is
    imported from a private module of aiokafka. In a subclass of an aiokafka class `self` counts as well."""
    of_aiokafka = {"aiokafka"}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "aiokafka":
            of_aiokafka |= {alias.asname or alias.name for alias in node.names}
            if node.module not in PUBLIC_MODULES:
                yield from (alias.name for alias in node.names if not _is_module(node, alias))
    subclasses = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        and any(
            isinstance(name, ast.Name) and name.id in of_aiokafka
            for base in node.bases
            for name in ast.walk(base)
        )
    ]
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and _is_private(node.attr) and not _is_own(node):
            yield node.attr
    for subclass in subclasses:
        for node in ast.walk(subclass):
            if isinstance(node, ast.Attribute) and _is_private(node.attr):
                yield node.attr


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def _is_own(node: ast.Attribute) -> bool:
    return ast.unparse(node.value) in {"self", "cls", "super()"}


def _is_module(node: ast.ImportFrom, alias: ast.alias) -> bool:
    try:
        import_module(f"{node.module}.{alias.name}")
    except ModuleNotFoundError:
        return False
    return True
