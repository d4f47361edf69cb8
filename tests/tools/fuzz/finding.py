"""The error for a broken promise, which never quotes the input."""


class Finding(Exception):
    """An input broke a promise of the docs. The text names the promise, and nothing of the input."""


def demand(kept: bool, promise: str) -> None:
    """Raises Finding with the promise if it is not kept."""
    if not kept:
        raise Finding(promise)
