"""Tells which environment variables are mistyped names of settings, and which belong to other programs.

A pod has many variables that nobody asked for, so a prefix says little (`TENANT_ID`, `HTTP_PROXY`). A
variable is refused if its name is close to that of a setting.
"""

import difflib
import re
from collections.abc import Iterable
from typing import Final

# Kubernetes and Docker set such variables for each service: for a service `http`,
# HTTP_PORT=tcp://10.0.0.1:80.
_LINK_VALUE: Final = re.compile(r"(tcp|udp|sctp)://\S+:[0-9]+", re.IGNORECASE)
_LINK_NAME: Final = re.compile(r".*_SERVICE_(HOST|PORT(_.+)?)|.*_PORT_[0-9]+_(TCP|UDP|SCTP)(_.+)?")

# These names are one character away from a setting's, but other programs are known to use them: ids in images
# and pods, servers that speak both HTTP and HTTPS, and the shell tcsh (VENDOR).
FOREIGN: Final = frozenset(
    {"API_ID", "APP_GID", "APP_IP", "APP_PID", "APP_UID", "HTTPS_HOST", "HTTPS_PORT", "VENDOR"}
)

# No other program uses this prefix, so such a name is meant to be a setting.
_PREFIX: Final = "ROLLCALL_"

# The similarity (`difflib`) from which on a name is taken for a mistyped one: two wrong characters in a name
# of 16, one in a shorter name.
_NEAR_MISS: Final = 0.87


def is_service_link(name: str, value: str) -> bool:
    """Returns whether Kubernetes or Docker have set the variable for a service, by its name or by its
    value."""
    if _LINK_NAME.fullmatch(name):
        return True
    return name.endswith("_PORT") and _LINK_VALUE.fullmatch(value) is not None


def mistake(name: str, known: Iterable[str]) -> str | None:
    """Returns what is wrong with a name that is no setting, but was probably meant to be one; None if it
    belongs to another program.

    Every name that is one edit away from a setting's, in upper or lower case, is taken for a mistake, except
    those of `FOREIGN`. An edit leaves out, adds or replaces one character, or swaps two neighbours.
    """
    if name in FOREIGN:
        return None
    ours = name.upper().startswith(_PREFIX)
    if near := _near(name.upper().removeprefix(_PREFIX), list(known)):
        return f"{name} is no setting, did you mean {near}?"
    return f"{name} is no setting" if ours else None


def _near(name: str, known: list[str]) -> str | None:
    for each in known:
        if name == each or _one_edit(name, each):
            return each
    return next(iter(difflib.get_close_matches(name, known, n=1, cutoff=_NEAR_MISS)), None)


def _one_edit(one: str, other: str) -> bool:
    """Returns whether one edit (a deletion, insertion, substitution or transposition) turns one text into the
    other."""
    if abs(len(one) - len(other)) > 1:
        return False
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    one, other = one[start:], other[start:]
    return (
        one[1:] == other[1:]
        or one[1:] == other
        or one == other[1:]
        or (one[:2] == other[1::-1] and one[2:] == other[2:])
    )
