"""The lane rests on the insides of three libraries: it runs with exactly the versions it was tested with."""

from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Final

PINNED: Final[Mapping[str, str]] = {
    "faust-streaming": "0.15.3",
    "mode-streaming": "0.7.1",
    "aiokafka": "0.14.0",
}


class UnsupportedVersion(Exception):
    """A library is missing or has another version than the pinned one; the message is one line."""


def check_versions(installed: Callable[[str], str] = version) -> None:
    """Call it before anything else of the lane. Raises UnsupportedVersion."""
    for name, wanted in PINNED.items():
        try:
            found = installed(name)
        except PackageNotFoundError:
            raise UnsupportedVersion(f"{name} {wanted} is needed, but it is not installed") from None
        if found != wanted:
            raise UnsupportedVersion(f"{name} {wanted} is needed, found {found}")
