"""The error of a case that cannot be judged."""


class CaseFailed(Exception):
    """A case did not come to its end: no work was left before a kill, or there was no progress after a fault.
    The text is one line."""
