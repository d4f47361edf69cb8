"""The question that a command asks before it writes what cannot be taken back."""

import sys

from app.errors import CommandFailed


def confirm(question: str, *, yes: bool) -> None:
    """Returns if the answer is yes: by `--yes`, or typed on a terminal. Raises CommandFailed otherwise; then
    nothing may be written."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise CommandFailed(f"{question} Nothing is written without --yes")
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise CommandFailed("nothing is written")
