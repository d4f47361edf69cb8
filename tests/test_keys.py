"""Keys: which characters are escaped, and that a key splits into its parts."""

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.keys import escape


@pytest.mark.parametrize(
    ("raw", "escaped"),
    [
        ("42", "42"),
        ("acme-eu.1_x~", "acme-eu.1_x~"),
        ("a/b", "a%2Fb"),
        ("a%2Fb", "a%252Fb"),
        ("\x00\x1f\x7f", "%00%1F%7F"),
        ("\x80\x9f", "%C2%80%C2%9F"),
        ("\xa0é ö?#", "\xa0é ö?#"),
        ("a b\n", "a b%0A"),
        ("", ""),
    ],
)
def test_exactly_what_would_split_or_spoil_a_key_is_escaped(raw: str, escaped: str) -> None:
    assert escape(raw) == escaped


@given(st.text(), st.text(), st.text())
def test_a_key_splits_into_its_parts_without_doubt(vendor: str, tenant: str, sub: str) -> None:
    parts = f"{escape(vendor)}/{escape(tenant)}/{escape(sub)}".split("/")
    assert [unquote(part) for part in parts] == [vendor, tenant, sub]
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for part in parts for char in part)
