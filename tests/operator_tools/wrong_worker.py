"""A worker, `python -m tests.operator_tools.wrong_worker`, whose mapping of Magine is wrong: it makes events
with other names of the users, and takes null for a tag. Everything else is the real worker."""

import sys
from typing import Any

from msgspec.structs import replace as with_parts

import app.vendor_agent
from app.cli.main import main
from app.outcome import Outcome
from app.vendors import convert
from app.vendors.magine import map_message
from app.vendors.model import Mapped, Message
from tests.tools.replacing import replace


def wrong(message: Message) -> Mapped:
    """The mapper that is wrong."""
    mapped = map_message(message)
    for draft in mapped.drafts:
        if hasattr(draft.data.user, "name"):
            draft.data.user.name = "zzz wrong"
    return mapped


def wrongly_mapped(vendor: Any, record: Any, partition: str, options: Any) -> Outcome:
    """Takes the place of `convert`."""
    if vendor.name == "magine":
        vendor = with_parts(vendor, map=wrong)
    return convert(vendor, record, partition, options)


if __name__ == "__main__":
    replace(app.vendor_agent, "convert", wrongly_mapped)
    sys.exit(main(["worker"]))
