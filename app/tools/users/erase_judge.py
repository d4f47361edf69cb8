"""What a record still holds of a deleted user: `rollcall inspect --erase-check`."""

import re
from typing import Final, Literal, NamedTuple

from app.engine import Record
from app.outcome import Emit
from app.settings import Settings
from app.state import DeletedUser, InvalidRow, decode_user
from app.tools.users.key_dead_letters import DeadLetterFinder, json_forms
from app.tools.users.key_events import event_in
from app.tools.users.user_key import UserKey
from app.vendors import VENDORS, convert

Holds = Literal["values", "id"]
"""What a record holds of the user: values, or nothing but the id, as a deletion or its marker does."""

_DELETED: Final = "user.deleted"


class Holding(NamedTuple):
    """What a record holds. `key`: whose record it is; None if it is not known."""

    holds: Holds
    key: bytes | None


class EraseJudge:
    """Judges the records of the user's five topics."""

    def __init__(
        self, settings: Settings, user: UserKey, values: re.Pattern[bytes] | None, finder: DeadLetterFinder
    ) -> None:
        """`values`: what finds a value of the user; None if no value is known."""
        self._user = user
        self._key = user.key
        self._values = values
        self._finder = finder
        self._events, self._dead = settings.topic_events, settings.topic_dead_letter
        self._users, self._loyalty = settings.changelogs
        self._options = settings.options_of(user.vendor)
        self._ids = [*json_forms(user.sub)]

    def judge(self, topic: str, partition: int, record: Record) -> Holding | None:
        """Returns what a record holds of the user, or None."""
        if topic == self._dead:
            is_found = self._has_values(record) or self._finder.match(record) is not None
            return Holding("values", self._key) if is_found else None
        if topic not in (self._events, self._users, self._loyalty):
            return self._vendors(topic, partition, record)
        if record.key != self._key:
            return Holding("values", record.key) if self._has_values(record) else None
        return Holding("id" if self._is_deletion(topic, record.value) else "values", self._key)

    def _is_deletion(self, topic: str, value: bytes | None) -> bool:
        if value is None:
            return True
        if topic == self._events:
            event = event_in(value)
            return event is not None and event.type == _DELETED and not self._found_in(value)
        try:
            return topic == self._users and isinstance(decode_user(value), DeletedUser)
        except InvalidRow:
            return False

    def _vendors(self, topic: str, partition: int, record: Record) -> Holding | None:
        body = record.value
        if body is None:
            return None
        has_values = self._has_values(record)
        if not has_values and not any(form in body for form in self._ids):
            return None
        outcome = convert(VENDORS[self._user.vendor], record, f"{topic}/{partition}", self._options)
        if not isinstance(outcome, Emit):
            # Whose record it is, nobody knows.
            if has_values:
                return Holding("values", self._key)
            return Holding("id", self._key) if self._finder.has_id(body) else None
        own = [event for event in outcome.events if event.partitionkey.encode() == self._key]
        if own:
            # The body of a deletion may have values that no event has.
            only_id = self._values is not None and not has_values and all(e.type == _DELETED for e in own)
            return Holding("id" if only_id else "values", self._key)
        return Holding("values", outcome.events[0].partitionkey.encode()) if has_values else None

    def _has_values(self, record: Record) -> bool:
        return record.value is not None and self._found_in(record.value)

    def _found_in(self, value: bytes) -> bool:
        return self._values is not None and self._values.search(value) is not None
