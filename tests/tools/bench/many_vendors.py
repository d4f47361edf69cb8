"""A worker with as many vendors as one likes, all of them copies of SelfCommunity.

    python -m tests.tools.bench.many_vendors COUNT

The settings are environment variables, as those of `rollcall worker`.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from msgspec.structs import replace

from app.cli.main import main
from app.vendors import VENDORS


@contextmanager
def many_vendors(count: int) -> Iterator[None]:
    """Registers so many vendors in this process, in place of all others, until the block ends."""
    registered = dict(VENDORS)
    copied = registered["selfcommunity"]
    names = [f"copy_{number}" for number in range(1, count + 1)]
    VENDORS.clear()
    VENDORS.update({name: replace(copied, name=name) for name in names})
    try:
        yield
    finally:
        VENDORS.clear()
        VENDORS.update(registered)


if __name__ == "__main__":
    with many_vendors(int(sys.argv[1])):
        sys.argv = ["rollcall", "worker"]
        sys.exit(main())
