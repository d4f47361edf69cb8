"""The users of one tenant."""

import pytest

from app.canonical import Event
from app.errors import CommandFailed
from app.state import encode_user, fold
from app.tools.users.tenant_users import TenantReader
from tests.operator_tools.records import Told
from tests.state.events import deleted, full, micros, partial

LATER = b'{"vendor":"magine","tenant":"acme","sub":"9","new":1}'


def told(*events: Event) -> Told:
    ((key, rows),) = fold(events).items()
    assert rows.user is not None
    return Told(key.encode(), encode_user(rows.user))


def test_the_last_row_of_each_user_counts() -> None:
    reader = TenantReader("magine", "acme")
    for record in (
        told(full(1, sub="live")),
        told(full(1, sub="live"), partial(5, sub="live", user={"name": "x"})),
        told(full(1, sub="gone")),
        told(full(1, sub="gone"), deleted(2, sub="gone")),
        told(deleted(2, sub="back")),
        told(deleted(2, sub="back"), full(3, sub="back")),
        told(full(1, sub="ended")),
        Told(b"magine/acme/ended", None),
        Told(b"magine/acme/never", None),
        Told(b"magine/acme/garbage", b"x"),
        told(full(1, sub="misplaced"))._replace(key=b"magine/acme/other"),
        told(full(1))._replace(key=b"magine/acme2/7"),
        Told(None, b"x"),
    ):
        reader.read(record)
    found = reader.result()
    assert {str(user): stamp for user, stamp in found.stamps.items()} == {
        "magine/acme/live": micros(5),
        "magine/acme/back": micros(3),
    }
    assert found.deleted == 1


def test_a_row_of_a_later_version_is_not_deleted_by_this_one() -> None:
    with pytest.raises(CommandFailed, match="a later version"):
        TenantReader("magine", "acme").read(Told(b"magine/acme/9", LATER))
