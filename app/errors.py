"""The errors that end a command with one clear line on standard error and exit code 1.

    RollcallError
      CommandFailed         a command is refused, or could not do its work
      InvalidSettings       an environment variable has a malformed value, or nearly the name of a setting
      UnsupportedVersion    a library that the engine depends on is missing or has another version
      BrokerUnreachable     no broker answered in time
      AccessRefused         a broker answered, and does not let this client in
      TopicsError           a topic is missing or wrong, or the broker refused a request about one
      PauseRefused          the words of `pause --reason` are no short line
      ResumeRefused         a worker does not skip the record that `resume --skip` names
      VendorNotRead         a worker does not read this vendor's topic, because of its VENDORS
      HttpServerFailed      the server of `/metrics`, `/healthz` and `/readyz` cannot listen on its address

The text of each error is that line. It has names, counts and positions, never a value.
"""


class RollcallError(Exception):
    """The base class. The command `rollcall` catches it in one function, `main` of `app/cli/main.py`."""


class CommandFailed(RollcallError):
    """A command is refused, or could not do its work."""


class InvalidSettings(RollcallError, ValueError):
    """The line has every problem of the environment, each with the variable's name, never with its value."""


class UnsupportedVersion(RollcallError):
    """A library that the engine depends on is missing or has another version than the pinned one."""


class BrokerUnreachable(RollcallError):
    """No broker answered in time."""


class AccessRefused(RollcallError):
    """A broker answered, and does not let this client in: its login, its certificate or its protocol is
    wrong."""


class TopicsError(RollcallError):
    """The line says which topic is wrong, in what, and which command repairs it."""


class PauseRefused(RollcallError):
    """The words of `pause --reason` are no short line of printable characters, and nothing is paused."""


class ResumeRefused(RollcallError):
    """The record of `resume --skip` cannot be skipped, and nothing is resumed."""


class VendorNotRead(RollcallError):
    """The vendor is not in the VENDORS of the worker that is asked, so nothing is paused or resumed."""


class HttpServerFailed(RollcallError):
    """The server cannot listen on its address."""
