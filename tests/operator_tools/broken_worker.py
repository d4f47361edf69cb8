"""A worker, `python -m tests.operator_tools.broken_worker`, whose mapping of two vendors has a bug: it maps
none of their records. Everything else is the real worker."""

import sys
from typing import Any, Final

from msgspec.structs import replace as with_parts

import app.vendor_agent
from app.cli.main import main
from app.outcome import Outcome
from app.vendors import convert
from tests.tools.replacing import replace

BROKEN: Final = frozenset({"magine", "fynd"})


def wrong(_message: object) -> object:
    """The mapper with the bug."""
    raise LookupError("a value of the record")


def mapped(vendor: Any, record: Any, partition: str, options: Any) -> Outcome:
    """Takes the place of `convert`."""
    if vendor.name in BROKEN:
        vendor = with_parts(vendor, map=wrong)
    return convert(vendor, record, partition, options)


if __name__ == "__main__":
    replace(app.vendor_agent, "convert", mapped)
    sys.exit(main(["worker"]))
