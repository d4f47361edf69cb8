"""Reading a vendor's JSON: all fields at once, and one by one only if that fails.

A field of a wrong type must not cost the event (docs/events.md#needed-fields), but to look at each field on
its own is slow. So a `TolerantReader` decodes into its struct in one go. Only if the decoder refuses that, it
decodes again into raw fields, keeps the usable ones and names the others.
"""

import types
from collections.abc import Sequence
from functools import cache
from typing import Any, Final, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from app.vendors.model import Message, invalid

T = TypeVar("T", bound=Struct)


UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes that it does not take: no JSON, or not of the shape."""


class NotJson(Exception):
    """The decoder refuses these bytes as JSON."""


class TolerantReader(Generic[T]):
    """Decodes one JSON object into the struct `shape`, whose fields all have defaults.

    A list of required elements has a type with None (`list[User | None]`): there an unusable element becomes
    None; in other lists it is left out.
    """

    def __init__(self, shape: type[T]) -> None:
        """Raises TypeError if a field of `shape`, or of a struct in it, has no default."""
        _check_defaults(shape)
        self.shape = shape
        self._decoder = msgspec.json.Decoder(shape)

    def typed(self, raw: bytes | Raw) -> T | None:
        """The object if every field that is read has its type, else None. Raises nothing."""
        try:
            return self._decoder.decode(raw)
        except UNREADABLE:
            return None

    def read(self, message: Message) -> T:
        """The whole body, as `require` returns it."""
        return self.typed(message.body) or self._require(message.body, "$", message.left_out)

    def require(self, raw: bytes | Raw | UnsetType, path: str, left_out: list[str]) -> T:
        """The object, with each unusable field at its default and its name appended to `left_out`.

        Raises NotJson, and Invalid if `raw` is absent or no object.
        """
        if raw is UNSET:
            invalid(path, "object")
        return self.typed(raw) or self._require(raw, path, left_out)

    def _require(self, raw: bytes | Raw, path: str, left_out: list[str]) -> T:
        value = read_value(self.shape, raw, path, left_out)
        if not isinstance(value, self.shape):
            invalid(path, "object")
        return value


def _check_defaults(kind: Any) -> None:
    """Raises TypeError for a field without a default: a body may lack any member."""
    if isinstance(kind, type) and issubclass(kind, Struct):
        for field, inner in _kinds(kind):
            if field.required:
                raise TypeError(f"{kind.__name__}.{field.name}: a field that is read needs a default")
            _check_defaults(inner)
    else:
        for part in get_args(kind):
            _check_defaults(part)


def read_value(kind: Any, raw: bytes | Raw, name: str, left_out: list[str]) -> Any:
    """`raw` as `kind`, without its unusable parts; UNSET if nothing is usable. `left_out` gets the names."""
    try:
        return _decoder(kind).decode(raw)
    except msgspec.ValidationError:
        pass
    except UNREADABLE:
        raise NotJson from None
    return _tolerant(kind, raw, name, left_out)


def _tolerant(kind: Any, raw: bytes | Raw, name: str, left_out: list[str]) -> Any:
    """What `read_value` returns of a value that the decoder has refused as `kind`."""
    for part in _alternatives(kind):
        if isinstance(part, type) and issubclass(part, Struct):
            fields = _try(_raw_twin(part), raw)
            if fields is not UNSET:
                return _rebuild(part, fields, left_out)
        elif get_origin(part) is list:
            items = _try(list[Raw], raw)
            if items is not UNSET:
                return _elements(get_args(part)[0], items, name, left_out)
    _readable(raw)
    left_out.append(name)
    return UNSET


# A list with more unusable elements is left out as a whole, so that no body costs more than bounded time.
MAX_LEFT_OUT_ELEMENTS: Final = 1000
# If a message has more unusable parts, each further list with an unusable element is left out as a whole:
# many users can have a list each.
MAX_LEFT_OUT_PARTS: Final = 10_000


def _elements(kind: Any, items: list[Raw], name: str, left_out: list[str]) -> Any:
    """The usable elements. UNSET if too many are not, and then `name` is on `left_out` once.

    A list of required elements is unusable if one of them is. If too many are, the rest is not read.
    """
    required = type(None) in _alternatives(kind)
    decode, values = _decoder(kind).decode, list[Any]()
    unread, named = 0, len(left_out)
    for item in items:
        try:
            values.append(decode(item))
            continue
        except msgspec.ValidationError:
            unread += 1
        except UNREADABLE:
            raise NotJson from None
        value = _tolerant(kind, item, name, left_out)
        if value is not UNSET:
            # The element is carried without its unusable part. Required ones are, however many there are.
            unread -= required
            values.append(value)
        elif required:
            values.append(None)
        if unread > MAX_LEFT_OUT_ELEMENTS or (len(left_out) > MAX_LEFT_OUT_PARTS and not required):
            if required:
                return values
            del left_out[named:]
            left_out.append(name)
            return UNSET
    return values


def _rebuild(shape: type[Struct], fields: Struct, left_out: list[str]) -> Struct:
    values: dict[str, Any] = {}
    for field, kind in _kinds(shape):
        raw = getattr(fields, field.name)
        if raw is not UNSET:
            value = read_value(kind, raw, field.encode_name, left_out)
            if value is not UNSET:
                values[field.name] = value
    return shape(**values)


def _try(kind: Any, raw: bytes | Raw) -> Any:
    try:
        return _decoder(kind).decode(raw)
    except msgspec.ValidationError:
        return UNSET
    except UNREADABLE:
        raise NotJson from None


def _readable(raw: bytes | Raw) -> None:
    """Raises NotJson for what is a value of no type at all, such as 1e999 or a broken escape."""
    try:
        msgspec.json.decode(raw)
    except UNREADABLE:
        raise NotJson from None


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    """The decoder of a type. To make one costs ten times as much as to use it, and a body can have half a
    million unusable elements."""
    return msgspec.json.Decoder(kind)


@cache
def _alternatives(kind: Any) -> Sequence[Any]:
    if get_origin(kind) in (Union, types.UnionType):
        return get_args(kind)
    return (kind,)


@cache
def _kinds(shape: type[Struct]) -> list[tuple[msgspec.structs.FieldInfo, Any]]:
    hints = get_type_hints(shape)
    return [(field, hints[field.name]) for field in msgspec.structs.fields(shape)]


@cache
def _raw_twin(shape: type[Struct]) -> type[Struct]:
    """The same fields, each taking any value unread."""
    fields = msgspec.structs.fields(shape)
    return msgspec.defstruct(
        f"Raw{shape.__name__}",
        [(field.name, Raw | UnsetType, UNSET) for field in fields],
        gc=False,
        rename={field.name: field.encode_name for field in fields},
    )
