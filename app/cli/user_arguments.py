"""The arguments that name a user, and those that say who writes an operator's event and why."""

import argparse
import getpass
from typing import TYPE_CHECKING

from app.bounds import MAX_ID_BYTES, MAX_TEXT_BYTES, is_nothing, too_long
from app.tools.users.user_key import UserKey, parse_key

if TYPE_CHECKING:
    from app.tools.users.operator_event import Signature


def add_who_and_why(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--why",
        type=_why,
        required=True,
        metavar="TEXT",
        help="the reason, for the event: a ticket, and nothing personal",
    )
    command.add_argument(
        "--who", type=_who, metavar="NAME", help="who does it, for the event; default: the name of the login"
    )


def signature(options: argparse.Namespace) -> "Signature":
    """Returns who does it, and why. Wrong usage if nothing tells who."""
    from app.tools.users.operator_event import Signature

    if options.who is None:
        try:
            options.who = _who(getpass.getuser())
        except (OSError, KeyError, argparse.ArgumentTypeError):
            options.wrong_usage("argument --who: expected a name, because this process has no login")
            raise
    return Signature(options.who, options.why)


def user_key(text: str) -> UserKey:
    try:
        return parse_key(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _why(text: str) -> str:
    return _line(text, MAX_TEXT_BYTES)


def _who(text: str) -> str:
    return _line(text, MAX_ID_BYTES)


def _line(text: str, limit: int) -> str:
    if is_nothing(text) or not text.isprintable() or too_long(text, limit):
        raise argparse.ArgumentTypeError(f"expected one line of at most {limit} bytes")
    return text
