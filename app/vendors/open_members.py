"""Members of which a vendor adds more at any time, with names that share an ending: `posts_counter`."""

import re
from operator import attrgetter
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from app.vendors.model import Message
from app.vendors.tolerant_reader import NotJson, read_value

# A letter of a name can be written as an escape, too.
_BACKSLASH: Final = ord("\\")
_read_members = msgspec.json.Decoder(dict[str, Raw]).decode


class OpenMembers:
    """The integers of an object whose names end in `ending`: the fields of `shape`, and any other."""

    def __init__(self, shape: type[Struct], ending: str) -> None:
        self._ending = ending
        self._names = tuple(name for name in shape.__struct_fields__ if name.endswith(ending))
        self._values = attrgetter(*self._names)
        self._known = msgspec.defstruct(
            "Known", [(name, int | None, None) for name in self._names], omit_defaults=True, gc=False
        )
        self._end_of_name = f'{ending}"'.encode()
        codes = [b"%02x" % letter for letter in sorted(set(ending.encode()))]
        self._escaped_letter = re.compile(rb"\\u00(?:%s)" % b"|".join([*codes, *map(bytes.upper, codes)]))

    def of(self, fields: Struct, path: str, message: Message) -> Struct | dict[str, int] | None:
        """The members by name; None if there are none. `fields` is the object at `path` of the message, as
        `shape` reads it.

        A member with another value than an integer or null is left out and named. Raises NotJson.
        """
        # perf: saves 37 % of convert (make bench ARGS=convert). The names are counted in the whole body, as
        # nothing tells where they are. Plain form: the values that are found and `_others`, for every body.
        body = message.body
        sent = body.count(self._end_of_name)
        escaped = _BACKSLASH in body and self._escaped_letter.search(body, body.find(_BACKSLASH))
        if not (sent or escaped):
            return None
        values = self._values(fields)
        known = len(values) - values.count(None)
        if sent > known or escaped:
            found = dict(zip(self._names, values, strict=True))
            found = {name: value for name, value in found.items() if value is not None}
            return found | self._others(path, message) or None
        return self._known(*values) if known else None

    def _others(self, path: str, message: Message) -> dict[str, int]:
        found = {}
        for name, raw in _members_at(path, message.body).items():
            if name.endswith(self._ending) and name not in self._names:
                value = read_value(int | None, raw, name, message.left_out)
                if type(value) is int:
                    found[name] = value
        return found


def _members_at(path: str, body: bytes) -> dict[str, Raw]:
    raw: Any = body
    try:
        for name in path.split(".")[1:]:
            raw = _read_members(raw)[name]
        return _read_members(raw)
    except UnicodeDecodeError:  # in a name, which nothing has read until now
        raise NotJson from None
