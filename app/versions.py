"""The pinned versions of three libraries. The engine uses private parts of them, so it runs only with the
versions that it was tested with."""

from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from app.errors import UnsupportedVersion

PINNED: Final[Mapping[str, str]] = {
    "faust-streaming": "0.15.3",
    "mode-streaming": "0.7.1",
    "aiokafka": "0.14.0",
}


def check_versions(installed: Callable[[str], str] = version) -> None:
    """Checks the installed versions. Call it before the engine is imported. Raises UnsupportedVersion if a
    library is missing or has another version than the pinned one."""
    for name, wanted in PINNED.items():
        try:
            actual = installed(name)
        except PackageNotFoundError:
            raise UnsupportedVersion(f"{name} {wanted} is needed, but it is not installed") from None
        if actual != wanted:
            raise UnsupportedVersion(f"{name} {wanted} is needed, found {actual}")
