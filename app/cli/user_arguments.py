"""The arguments that name a user, and those that say who writes an operator's event and why."""

import argparse
import getpass

from app.bounds import MAX_ID_BYTES, MAX_TEXT_BYTES, is_nothing, too_long
from app.tools.user_key import UserKey, parse_key


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


def who(options: argparse.Namespace) -> str:
    """Returns who does it. Wrong usage if nothing tells it."""
    if options.who is not None:
        return str(options.who)
    try:
        return _who(getpass.getuser())
    except (OSError, KeyError, argparse.ArgumentTypeError):
        options.wrong_usage("argument --who: expected a name, because this process has no login")
        raise


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
