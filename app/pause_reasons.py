"""The reasons of pauses: how that of an operator is written, and what `/readyz` says of each.

A reason is committed together with an offset, as its metadata. Anybody with a right on the group can have
committed another text there, so only texts of known forms are shown.
"""

import re
from collections.abc import Mapping
from typing import Final

from app.engine import Partition
from app.errors import PauseRefused

LONGEST: Final = 200
"""The largest number of characters of an operator's words. With the offsets that may be skipped they fit into
the metadata of a commit, and encoded into the first line of a request."""

_BY_OPERATOR: Final = "by an operator"
_MANY_DEAD: Final = "too many of its latest records are dead"
_DIED: Final = re.compile(r"[0-9]+ attempts died at offset [0-9]+")


def by_operator(words: str = "") -> str:
    """Returns the reason of an operator's pause. `words`: why, as the operator says it; may be empty. Raises
    PauseRefused unless they are one line of at most LONGEST printable characters."""
    words = words.strip()
    if len(words) > LONGEST or not words.isprintable():
        raise PauseRefused(f"--reason: expected one line of at most {LONGEST} printable characters")
    return f"{_BY_OPERATOR}: {words}" if words else _BY_OPERATOR


def is_by_operator(reason: str) -> bool:
    """Returns whether `by_operator` can have returned the reason."""
    first, colon, words = reason.partition(": ")
    return (
        first == _BY_OPERATOR and bool(words) == bool(colon) and len(words) <= LONGEST and words.isprintable()
    )


def shown_reasons(paused: Mapping[Partition, str], withheld: Mapping[Partition, str]) -> dict[Partition, str]:
    """Returns the reasons of paused partitions as they may be shown. `withheld`: those that are not from a
    commit but were found by this worker."""
    shown = {
        each: why if _DIED.fullmatch(why) or is_by_operator(why) else _MANY_DEAD
        for each, why in paused.items()
    }
    return shown | {each: why for each, why in withheld.items() if each in paused}


def pause_problems(
    name: str, paused: Mapping[Partition, str], withheld: Mapping[Partition, str]
) -> list[str]:
    """Returns what `/readyz` says of the paused partitions of a vendor, or of the canonical topic: a line for
    each partition that is paused for a reason of its own, and one for each reason of several."""
    shown = shown_reasons(paused, withheld)
    deliberate = {why for why in shown.values() if is_by_operator(why)}
    single = {each: why for each, why in shown.items() if why not in (_MANY_DEAD, *deliberate)}
    return [
        *(f"{name} is paused in partition {number}: {why}" for (_, number), why in sorted(single.items())),
        *(f"{name} is paused {why}" for why in sorted(deliberate)),
        *([f"{name} is paused: {_MANY_DEAD}"] if _MANY_DEAD in shown.values() else []),
    ]
