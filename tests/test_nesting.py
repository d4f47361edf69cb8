"""Whether a body nests too deep, without decoding it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.nesting import MAX_NESTING, too_deep


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


@pytest.mark.parametrize(
    "body",
    [
        nested(MAX_NESTING),
        b"[" + b",".join([nested(MAX_NESTING - 1)] * 4) + b"]",
        b"[" + b"{}," * 4 * MAX_NESTING + b"{}]",
        b'["' + b"[{" * 4 * MAX_NESTING + b'"]',
        b'["\\"' + b"[" * 4 * MAX_NESTING + b'\\\\"]',
        b'"' + b"[" * 4 * MAX_NESTING,
        b"]" * 4 * MAX_NESTING + b"[" * MAX_NESTING,
    ],
    ids=["limit", "side-by-side", "flat", "in-text", "behind-an-escaped-quote", "unclosed-text", "closing"],
)
def test_what_does_not_nest_beyond_the_limit_passes(body: bytes) -> None:
    assert not too_deep(body)


@pytest.mark.parametrize(
    "body",
    [
        nested(MAX_NESTING + 1),
        b'{"a":' * (MAX_NESTING + 1) + b"1" + b"}" * (MAX_NESTING + 1),
        b"[" * 3 * MAX_NESTING,
        b'["' + b"]" * 9 * MAX_NESTING + b'",' + nested(MAX_NESTING) + b"]",
        b'["\\\\",' + nested(MAX_NESTING) + b"]",
    ],
    ids=["lists", "objects", "unclosed", "behind-text-that-seems-to-close", "behind-an-escaped-backslash"],
)
def test_what_nests_beyond_the_limit_is_too_deep(body: bytes) -> None:
    assert too_deep(body + b" " * 3 * MAX_NESTING)


def test_the_limit_may_be_another() -> None:
    assert not too_deep(nested(3), 3)
    assert too_deep(nested(4), 3)


_texts = st.text(alphabet='[]{}"\\a', max_size=6)


_values = st.recursive(
    _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=8,
)


@given(_values)
def test_brackets_in_texts_never_count_as_nesting(value: object) -> None:
    around = MAX_NESTING - _depth(value)
    body = b"[" * around + json.dumps(value).encode() + b" " * 2 * MAX_NESTING + b"]" * around
    assert not too_deep(body)
    assert too_deep(b"[" + body + b"]")


def _depth(value: object) -> int:
    inner = list(value.values()) if isinstance(value, dict) else value
    return 1 + max(map(_depth, inner), default=0) if isinstance(inner, list) else 0
