"""A worker, `python -m app worker`, that dies of every record that has the text MARK:
`python -m tests.integration.poisoned_worker KIND`.

Everything else is the real worker.
"""

import os
import resource
import signal
import sys
from collections.abc import Callable, Iterable
from typing import Any, Final

import app.canonical_records
import app.vendor_agent
from app.canonical import Event, decode_event
from app.cli.main import main
from app.engine.tables.changelog_replay import ChangelogReplay
from app.outcome import Outcome
from app.vendors import convert
from tests.tools.replacing import replace

MARK: Final = b"poison"
_MEMORY: Final = 1 << 30


def mapper() -> None:
    """The mapping of a vendor's record kills the process."""
    _patch_mapper(_kill)


def memory() -> None:
    """The mapping of a vendor's record takes all the memory that the process may have."""

    def exhaust() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        taken = []
        while True:
            taken.append(bytearray(1 << 26))

    _patch_mapper(exhaust)


def state() -> None:
    """The decoding of a canonical event kills the process."""

    def deadly(value: bytes) -> Event:
        if MARK in value:
            _kill()
        return decode_event(value)

    replace(app.canonical_records, "decode_event", deadly)


def restore() -> None:
    """Reading a row of a changelog kills the process."""
    read = ChangelogReplay.read

    def deadly(self: ChangelogReplay, table: Any, records: Iterable[Any], *rest: Any) -> None:
        records = list(records)
        if any(MARK in (record.key or b"") for record in records):
            _kill()
        read(self, table, records, *rest)

    replace(ChangelogReplay, "read", deadly)


def nothing() -> None:
    """It does not die."""


def _patch_mapper(deadly: Callable[[], object]) -> None:
    def mapped(vendor: Any, record: Any, *rest: Any) -> Outcome:
        if MARK in (record.value or b""):
            deadly()
        return convert(vendor, record, *rest)

    replace(app.vendor_agent, "convert", mapped)


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    {"mapper": mapper, "memory": memory, "state": state, "restore": restore, "nothing": nothing}[
        sys.argv[1]
    ]()
    sys.exit(main(["worker"]))
