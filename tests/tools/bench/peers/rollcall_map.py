"""Rollcall's worker without its state agent: bodies to canonical events and nothing more.

    python -m tests.tools.bench.peers.rollcall_map

It is the other side of peers that only map. The settings are environment variables, as those of
`rollcall worker`.
"""

import sys
from typing import Any

import app.worker
from app.cli.main import main
from app.engine import add_agent
from tests.tools.replacing import replace


def _add_vendor_agent(faust_app: Any, name: str, *arguments: Any, **options: Any) -> None:
    if name != "state":
        add_agent(faust_app, name, *arguments, **options)


if __name__ == "__main__":
    replace(app.worker, "add_agent", _add_vendor_agent)
    sys.argv = ["rollcall", "worker"]
    sys.exit(main())
