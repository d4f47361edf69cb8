"""The users of one tenant that the users changelog has."""

from contextlib import aclosing
from typing import NamedTuple

from app.engine import Record
from app.errors import CommandFailed
from app.keys import key_of
from app.settings import Settings
from app.state import DeletedUser, InvalidRow, LaterRow, Rows, decode_user
from app.tools.connected import reading
from app.tools.scan import scan
from app.tools.users.operator_event import latest_stamp
from app.tools.users.user_key import UserKey


class TenantUsers(NamedTuple):
    """`stamps`: by user, the greatest stamp of a row that is not deleted, in microseconds since 1970.
    `deleted`: the number of users with a marker."""

    stamps: dict[UserKey, int]
    deleted: int


class TenantReader:
    """Reads the records of the users changelog, in log order. The last one of each key counts."""

    def __init__(self, vendor: str, tenant: str) -> None:
        self._prefix = key_of(vendor, tenant, "")
        self._stamps: dict[UserKey, int] = {}
        self._deleted: set[UserKey] = set()
        self._users: dict[bytes, UserKey] = {}

    def read(self, record: Record) -> None:
        """Reads a record. Raises CommandFailed if a later version wrote it."""
        key = record.key
        if key is None or not key.startswith(self._prefix):
            return
        if record.value is None:
            user = self._users.pop(key, None)
            if user is not None:
                self._stamps.pop(user, None)
                self._deleted.discard(user)
            return
        try:
            row = decode_user(record.value)
        except LaterRow:
            raise CommandFailed("a later version of Rollcall wrote a row of this tenant") from None
        except InvalidRow:
            return
        user = UserKey(row.vendor, row.tenant, row.sub)
        if user.key != key:
            return
        self._users[key] = user
        if isinstance(row, DeletedUser):
            self._stamps.pop(user, None)
            self._deleted.add(user)
        else:
            self._deleted.discard(user)
            self._stamps[user] = latest_stamp(Rows(row, None))

    def result(self) -> TenantUsers:
        return TenantUsers(self._stamps, len(self._deleted))


async def read_tenant(settings: Settings, vendor: str, tenant: str) -> TenantUsers:
    """Returns the tenant's users, as the users changelog has them at this moment. Raises CommandFailed,
    BrokerUnreachable and AccessRefused."""
    users, reader = settings.changelogs[0], TenantReader(vendor, tenant)
    async with (
        reading(settings, (users,), (settings.topic_events,), committed=False) as logs,
        aclosing(scan(logs, await logs.ranges([users]))) as batches,
    ):
        async for batch in batches:
            for record in batch.records:
                reader.read(record)
    return reader.result()
