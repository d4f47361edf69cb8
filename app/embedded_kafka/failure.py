"""The one exception of the embedded broker."""

from pathlib import Path

_TAIL_LINES = 15


class EmbeddedKafkaError(Exception):
    """The embedded broker cannot be installed, started, or reached.

    `str(error)` is one line, which a command prints before it exits with 1. `log_tail` has the last lines of
    the broker's own log, or is "" if there is no log. A traceback shows both.
    """

    def __init__(self, message: str, log: Path | None = None) -> None:
        super().__init__(message)
        self.log_tail = _tail(log) if log is not None else ""
        if self.log_tail:
            self.add_note(f"last lines of the broker's log:\n{self.log_tail}")


def _tail(log: Path) -> str:
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-_TAIL_LINES:])
