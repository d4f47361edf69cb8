"""Decides what a worker does if its group's coordinator refuses it. It has no I/O and no clock.

aiokafka keeps such an answer until the next fetch asks for it, and does nothing meanwhile. While the flow is
stopped there is no fetch, so a plain worker waits for ever and says nothing (docs/design.md#coordinator).
"""

import re
from enum import Enum, auto
from typing import Final, NamedTuple

from aiokafka import errors
from aiokafka.errors import KafkaError

RETRY_SECONDS: Final = 3.0
"""The time between two attempts to join. Many workers of a group may wait, and each attempt that succeeds
makes all members join again."""


class Step(Enum):
    """What follows."""

    WAIT = auto()
    """The cause can go away: the worker tries again until it has."""
    REFUSE = auto()
    """A setting is wrong, and no restart cures it: the worker ends with code 1."""
    END = auto()
    """Anything else: the worker ends with code 70."""


class Verdict(NamedTuple):
    """What follows, and the line that says why. The line is None if it was said before."""

    step: Step
    line: str | None


_CAN_GO_AWAY: Final = {
    "GroupAuthorizationFailedError": "not authorized to read group {group}: READ on it is missing",
    "GroupMaxSizeReachedError": "group {group} is full: it has as many members as the brokers'"
    " group.max.size allows",
    "InconsistentGroupProtocolError": "group {group} has members that are no workers of Rollcall: they use"
    " another protocol or another assignor, so this worker cannot join",
    # Kafka 4.1 gives this answer if consumers of the new protocol (group.protocol=consumer) are in the group,
    # because Faust's part of the request is older than that protocol.
    "UnknownError": "the coordinator of group {group} answers with an unknown error; Kafka 4 does so if other"
    " members of the group have group.protocol=consumer",
}
_UNAVAILABLE: Final = (
    "no broker coordinates group {group}: its partition of __consumer_offsets has no leader, or that topic"
    " cannot be created"
)
_NEVER_CURED: Final = {
    "InvalidSessionTimeoutError": "the brokers refuse the session timeout of {session:g} s (SESSION_TIMEOUT):"
    " it must be between their group.min.session.timeout.ms and group.max.session.timeout.ms",
    "InvalidGroupIdError": "the brokers refuse the group's name {group} (APP_ID)",
}
_ENDED: Final = {
    "FencedInstanceIdError": "another worker has joined group {group} with the same GROUP_INSTANCE_ID"
    " ({instance}); no two live workers may have the same one",
}
_OTHER: Final = "the coordinator of group {group} answers {answer}"

_WRAPPED = re.compile(r"\b([A-Z]\w*)\(")
"""aiokafka raises most answers as a KafkaError with the `repr` of the real one in its text."""


class CoordinatorWatch:
    """Told what the coordinator answers. `problem` is what keeps this worker out of its group, or None;
    `member` says whether it has been assigned its partitions, if only none, and keeps them."""

    def __init__(self, group: str, session_timeout: float, instance: str = "") -> None:
        """`session_timeout` is in seconds. `instance` is the id of a static member, or empty."""
        self._group = group
        self._instance = instance
        self._session = session_timeout
        self._said: set[str] = set()
        self.member = False
        self._lost_at: float | None = None
        self.problem: str | None = None

    def refused(self, problem: BaseException) -> Verdict:
        """Returns what follows from an answer that aiokafka takes for fatal."""
        self.member = False
        # Whoever refuses is a coordinator, or a broker that could name one.
        self._lost_at = None
        answer = answer_of(problem)
        if answer in _NEVER_CURED:
            return Verdict(Step.REFUSE, self._line(_NEVER_CURED[answer]))
        if not can_go_away(problem):
            return Verdict(Step.END, self._line(_ENDED.get(answer, _OTHER), answer))
        return Verdict(Step.WAIT, self._say(self._line(_CAN_GO_AWAY.get(answer, _OTHER), answer)))

    def look(self, now: float, *, known: bool, metadata_at: float) -> str | None:
        """Returns a line if no coordinator has been known for more than a session timeout, while brokers
        answer other requests; None if that is not so, or was said before.

        `now` and `metadata_at`, the time of the last answer to a request for metadata, are monotonic times in
        seconds. aiokafka looks for the coordinator again by itself.
        """
        line = self._line(_UNAVAILABLE)
        if known:
            self._lost_at = None
            if self.problem == line:
                self._forget()
            return None
        if self._lost_at is None:
            self._lost_at = now
        # If the lookup itself is refused, `refused` is told so after each attempt.
        if now - self._lost_at <= self._session + RETRY_SECONDS or now - metadata_at > self._session:
            return None
        return self._say(line)

    def revoked(self) -> None:
        """Called when this worker begins to give up its partitions."""
        self.member = False

    def assigned(self) -> None:
        """Called when this worker has got its partitions, if only none."""
        self.member = True

    def answered(self) -> bool:
        """Returns whether a problem that was said is over. Called for each heartbeat that was answered.

        An assignment alone is no proof: a member without the right to read its offsets gets one each time.
        """
        over = self.member and self.problem is not None
        if over:
            self._forget()
        return over

    def _say(self, line: str) -> str | None:
        self.problem = line
        if line in self._said:
            return None
        self._said.add(line)
        return line

    def _forget(self) -> None:
        self.problem = None
        self._said.clear()

    def _line(self, text: str, answer: str = "") -> str:
        return text.format(group=self._group, session=self._session, instance=self._instance, answer=answer)


def answer_of(problem: BaseException) -> str:
    """Returns the name of the coordinator's answer, which is that of aiokafka's class for it."""
    found = _WRAPPED.search(str(problem)) if type(problem) is KafkaError else None
    return found[1] if found else type(problem).__name__


def can_go_away(problem: BaseException) -> bool:
    """Returns whether it is worth trying again: the brokers or other members can change what they answer."""
    answer = answer_of(problem)
    kind = getattr(errors, answer, type(problem))
    return answer in _CAN_GO_AWAY or bool(getattr(kind, "retriable", False))
