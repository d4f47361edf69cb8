"""How a case ends that could not even be judged."""


class CaseFailed(Exception):
    """A demand on the way was not met: no work left before a kill, no progress after a fault; one line."""
