"""What a row is: a value that passes can be merged, changed by events and written; any other one is refused
with a reason."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.tables.merge_rules import LaterVersion, NoRow
from app.state import (
    InvalidRow,
    LaterRow,
    LoyaltyRow,
    Rows,
    User,
    apply,
    decode_loyalty,
    decode_user,
    encode_loyalty,
    encode_user,
    expired,
    loyalty_supersedes,
    merge,
    user_supersedes,
)
from app.table_rules import TABLE_RULES, judge
from tests.state.histories import events, laws
from tests.state.no_rows import KEY, LATER, MARKER, NOT_JSON, ROWS, SCHEMA, TIMES, VALID, Table, changed

DECODE: dict[Table, Callable[[bytes], User | LoyaltyRow]] = {"users": decode_user, "loyalty": decode_loyalty}
TABLES: tuple[Table, Table] = ("users", "loyalty")


def cases(kinds: dict[Table, dict[str, bytes]]) -> list[Any]:
    return [
        pytest.param(table, value, id=f"{table}: {name}")
        for table, values in kinds.items()
        for name, value in values.items()
    ]


@pytest.mark.parametrize(("table", "value"), cases(VALID))
def test_a_row_is_one(table: Table, value: bytes) -> None:
    assert judge(table, KEY, value) is None


@pytest.mark.parametrize(("table", "value"), cases(NOT_JSON))
def test_what_is_not_json_is_no_row(table: Table, value: bytes) -> None:
    assert judge(table, KEY, value) == NoRow("not_json", "expected JSON")


@pytest.mark.parametrize(("table", "value"), cases(SCHEMA))
def test_what_has_another_shape_is_no_row(table: Table, value: bytes) -> None:
    verdict = judge(table, KEY, value)
    assert isinstance(verdict, NoRow)
    assert verdict.reason == "schema"
    assert verdict.detail.startswith("$")
    for secret in ("PII", "sunny", "yesterday", "acme", "magine", *TIMES[2:]):
        assert secret not in verdict.detail


@pytest.mark.parametrize(("table", "value"), cases(LATER))
def test_a_later_versions_row_is_told_from_garbage(table: Table, value: bytes) -> None:
    assert judge(table, KEY, value) == LaterVersion()
    with pytest.raises(LaterRow) as error:
        DECODE[table](value)
    assert "sunny" not in str(error.value)


@pytest.mark.parametrize("table", TABLES)
def test_a_row_belongs_to_its_own_key_only(table: Table) -> None:
    for key in (b"magine/acme/8", b"magine/acme/7/", b"", b"\xff", b"magine/acme%2F7", b"MAGINE/acme/7"):
        assert judge(table, key, ROWS[table]) == NoRow("schema", "$: expected the row of the record's key")
    escaped = changed(ROWS[table], tenant="a/b", sub="50% \x7f")
    assert judge(table, b"magine/a%2Fb/50%25 %7F", escaped) is None
    assert isinstance(judge(table, b"magine/a/b/50% \x7f", escaped), NoRow)


def rows_of(table: Table, value: bytes) -> Rows:
    if table == "users":
        return Rows(decode_user(value), decode_loyalty(ROWS["loyalty"]))
    return Rows(decode_user(ROWS["users"]), decode_loyalty(value))


_JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**20), 10**20),
        st.floats(allow_nan=False, allow_infinity=False),
        st.sampled_from(
            ["", "a", "7", "active", "deleted", "reputation", *TIMES, "2024-01-01T00:00:01.000000Z"]
        ),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["status", "at", "address", "value", "as_of", "x", "id"]), inner),
    ),
    max_leaves=6,
)


@st.composite
def changed_rows(draw: st.DrawFn) -> tuple[Table, bytes]:
    """Draws a table and a row of it in which one member, or a member of a member, has another value."""
    table = draw(st.sampled_from(TABLES))
    value = draw(st.sampled_from([*VALID[table].values(), MARKER]))
    members = msgspec.json.decode(value)
    name = draw(st.sampled_from([*members, "status", "presence", "deleted_at", "reputation", "entries"]))
    inner = members.get(name)
    if isinstance(inner, list) and inner and draw(st.booleans()):
        inner = inner[0]
    if isinstance(inner, dict) and draw(st.booleans()):
        inner[draw(st.sampled_from([*inner, "address", "presence", "created_at", "status", "a.b"]))] = draw(
            _JSON
        )
    else:
        members[name] = draw(_JSON)
    return table, msgspec.json.encode(members)


@laws
@given(changed_rows(), st.lists(events, min_size=1, max_size=3))
def test_nothing_that_passes_can_raise_later(drawn: tuple[Table, bytes], history: list[Any]) -> None:
    table, value = drawn
    try:
        rows = rows_of(table, value)
    except InvalidRow:
        return
    for other in VALID[table].values():
        merged = merge(rows, rows_of(table, other))
        merge(merged, rows)
        supersedes = user_supersedes if table == "users" else loyalty_supersedes
        supersedes(value, other)
        supersedes(other, value)
    for each in history:
        user, loyalty, _ = apply(each, *rows)
        rows = Rows(user, loyalty)
        assert user is not None
        assert decode_user(encode_user(user)) == user
        assert loyalty is None or decode_loyalty(encode_loyalty(loyalty)) == loyalty
        expired(user, 0, 0)
    if rows.user is not None and rows.loyalty is not None:
        TABLE_RULES.reconcile(encode_user(rows.user), encode_loyalty(rows.loyalty))
