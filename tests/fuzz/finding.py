"""What a broken promise is told by: never by the input."""


class Finding(Exception):
    """A promise of the contract that an input broke. The text names the promise, and nothing of the input."""


def demand(holds: bool, promise: str) -> None:
    """Raises Finding with the promise where it does not hold."""
    if not holds:
        raise Finding(promise)
