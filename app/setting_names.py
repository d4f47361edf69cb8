"""Whose an environment variable is: ours, a mistyped one of ours, or somebody else's.

Pods hold many variables that nobody asked for, so a prefix says little (`TENANT_ID`, `HTTP_PROXY`). What is
refused is what comes near one of our names.
"""

import difflib
import re
from collections.abc import Iterable
from typing import Final

# Kubernetes and Docker write one for each service: a service `http` gives HTTP_PORT=tcp://10.0.0.1:80.
_LINK_VALUE: Final = re.compile(r"(tcp|udp|sctp)://\S+:[0-9]+", re.IGNORECASE)
_LINK_NAME: Final = re.compile(r".*_SERVICE_(HOST|PORT(_.+)?)|.*_PORT_[0-9]+_(TCP|UDP|SCTP)(_.+)?")

# One letter away from ours, and well known to be of others: ids of images and pods, servers of two protocols.
FOREIGN: Final = frozenset({"API_ID", "APP_GID", "APP_IP", "APP_PID", "APP_UID", "HTTPS_HOST", "HTTPS_PORT"})

# Nobody else has this prefix, so somebody means us.
_PREFIX: Final = "ROLLCALL_"

# Two letters wrong in a name of 16, one in a shorter one.
_NEAR_MISS: Final = 0.87


def is_service_link(name: str, value: str) -> bool:
    """Whether this is what Kubernetes or Docker say of a service, under whatever name."""
    if _LINK_NAME.fullmatch(name):
        return True
    return name.endswith("_PORT") and _LINK_VALUE.fullmatch(value) is not None


def mistake(name: str, known: Iterable[str]) -> str | None:
    """What is wrong with a name that is not ours, but was probably meant to be; None if it is foreign.

    Every name that is one edit away from ours (a letter left out, added, replaced, or changed places with
    its neighbour, in any case) is taken for a mistake, but for `FOREIGN`.
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
    """Whether one deletion, insertion, substitution or transposition makes the one of the other."""
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
