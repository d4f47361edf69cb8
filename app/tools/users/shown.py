"""Texts of records as a terminal may show them."""


def printable(text: str) -> str:
    """Returns the text in one line, with escapes in place of what is not printable: such a character could
    move the cursor, or turn the direction of what follows."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    return f"\\u{{{ord(char):x}}}"
