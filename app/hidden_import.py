"""Imports a library without one that it imports if it is installed."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def hidden(package: str) -> Iterator[None]:
    """Within this context an import of `package` fails as if it were not installed; afterwards it works.
    Nothing is hidden if it is imported already."""
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment] # the import system's own mark for "not found"
    try:
        yield
    finally:
        del sys.modules[package]
