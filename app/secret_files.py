"""Secrets in files, as container platforms mount them: `NAME_FILE` is the path of a file with the value of
`NAME`."""

from pathlib import Path
from typing import Final, NamedTuple

_MOST_BYTES: Final = 65_536


class SecretText(NamedTuple):
    """The text of a file, and one line that says why there is none, or ""."""

    text: str
    problem: str = ""


def secret_in(path: str) -> SecretText:
    """Returns the text of a file without the line break at its end, or the problem. The problem never has
    anything of the text."""
    file = Path(path)
    try:
        # A pipe might never have an end.
        if not file.is_file():
            return SecretText("", "no such file")
        with file.open("rb") as opened:
            content = opened.read(_MOST_BYTES + 1)
        text = content.decode().removesuffix("\n").removesuffix("\r")
    except OSError as error:
        return SecretText("", f"the file cannot be read: {error.strerror or type(error).__name__}")
    except ValueError:
        return SecretText("", "the file is not UTF-8")
    if len(content) > _MOST_BYTES:
        return SecretText("", f"the file has more than {_MOST_BYTES} bytes")
    return SecretText(text, "" if text else "the file is empty")
