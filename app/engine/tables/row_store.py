"""The rows of a partition in memory: a mapping from key to row that keeps the rows without their heads.

A row begins with members that say whose row it is (its head), and the key says the same. Without the heads a
million users need 100 MB less.
"""

from collections.abc import Callable, Iterator, MutableMapping
from typing import Final, TypeVar, overload

T = TypeVar("T")

_WHOLE: Final = b"="
_WHOLE_MARK: Final = _WHOLE[0]
_NEXT: Final = b'"'


class RowStore(MutableMapping[bytes, bytes]):
    """Returns every row byte for byte as it was set, even if it is no row at all.

    `head(key)` is what most rows of that key begin with; after it comes the quote of another member. A row
    with that head is kept without it, so what is kept begins with the quote. Any other row is kept whole,
    after a mark.
    """

    __slots__ = ("_head", "_kept")

    def __init__(self, head: Callable[[bytes], bytes]) -> None:
        self._head = head
        self._kept: dict[bytes, bytes] = {}

    @overload
    def get(self, key: bytes) -> bytes | None: ...
    @overload
    def get(self, key: bytes, default: bytes | T) -> bytes | T: ...
    def get(self, key: bytes, default: object = None) -> object:
        kept = self._kept.get(key)
        if kept is None:
            return default
        # perf: saves a call for each row that is read; plain form: `_row`.
        return kept[1:] if kept[0] == _WHOLE_MARK else self._head(key) + kept

    def size(self, key: bytes) -> int:
        """Returns about how many bytes the row of a key has, without making it: it may be short by the head.
        0 if there is no row."""
        kept = self._kept.get(key)
        return 0 if kept is None else len(kept)

    def byte_count(self) -> int:
        """Returns the bytes of all rows, without the heads of those that are kept without them. It takes
        about 50 ns a row."""
        return sum(map(len, self._kept.values()))

    def _row(self, key: bytes, kept: bytes) -> bytes:
        return kept[1:] if kept.startswith(_WHOLE) else self._head(key) + kept

    def share_keys(self, other: "RowStore") -> None:
        """Replaces the keys by the equal objects of the other store, which saves 60 bytes a user."""
        keys = {key: key for key in other._kept}
        self._kept = {keys.get(key, key): kept for key, kept in self._kept.items()}

    def holding(self, text: bytes) -> list[bytes]:
        """Returns the keys of the rows that hold this text. No head holds it."""
        return [key for key, kept in self._kept.items() if text in kept]

    def __getitem__(self, key: bytes) -> bytes:
        return self._row(key, self._kept[key])

    def __setitem__(self, key: bytes, row: bytes) -> None:
        head = self._head(key)
        length = len(head)
        headless = length and row.startswith(head) and row[length : length + 1] == _NEXT
        self._kept[key] = row[length:] if headless else _WHOLE + row

    def __delitem__(self, key: bytes) -> None:
        del self._kept[key]

    def __contains__(self, key: object) -> bool:
        return key in self._kept

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)
