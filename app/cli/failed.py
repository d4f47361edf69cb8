"""How a command says that it did not do its work."""


class Failed(Exception):
    """The command is refused or has failed, exit code 1; the text is the one line for standard error."""
