"""A bug that is planted where nothing is any more is no planted bug."""

import pytest

from tests.tools.replacing import replace


class Base:
    def inherited(self) -> str:
        return "real"


class Derived(Base):
    pass


def test_an_attribute_is_replaced_also_an_inherited_one() -> None:
    replace(Derived, "inherited", lambda _self: "planted")
    assert (Derived().inherited(), Base().inherited()) == ("planted", "real")


def test_a_name_that_is_gone_is_refused() -> None:
    with pytest.raises(AttributeError, match="has no renamed to replace"):
        replace(Derived, "renamed", lambda _self: "planted")


def test_a_function_that_cannot_be_called_in_the_same_way_is_refused() -> None:
    class Reader:
        def read(self, log: str, *, whole: bool = False) -> str:
            return f"{log} {whole}"

    with pytest.raises(TypeError, match="read is replaced by a function with other parameters"):
        replace(Reader, "read", lambda _self, _log: "planted")
    with pytest.raises(TypeError, match="read is replaced by a function with other parameters"):
        replace(Reader, "read", lambda _self, *, _whole: "planted")
    assert Reader().read("real") == "real False"
    replace(Reader, "read", lambda _self, *_rest, **_named: "planted")
    assert Reader().read("real") == "planted"
