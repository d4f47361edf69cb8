"""Reading a vendor's JSON: typed first, field by field only where the typed pass fails.

A field of a wrong type must not cost the event (contract, section 2), but looking at every field
on its own is slow. So a `Reader` decodes into its struct in one go, and only when that is refused
decodes again into raw fields, keeps the good ones and names the odd ones.
"""

import types
from collections.abc import Sequence
from functools import cache
from typing import Any, Final, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from app.vendors.model import refuse

T = TypeVar("T", bound=Struct)


class NotJson(Exception):
    """The decoder refuses these bytes as JSON."""


class Reader(Generic[T]):
    """Decodes one JSON object into the struct `shape`, whose fields must all have defaults.

    A list of needed elements is typed with None among them (`list[User | None]`): there an odd
    element becomes None, where in other lists it is left out.
    """

    def __init__(self, shape: type[T]) -> None:
        self.shape = shape
        self._decoder = msgspec.json.Decoder(shape)

    def typed(self, raw: bytes | Raw) -> T | None:
        """The object where every field that is read has its type, else None. Raises nothing."""
        try:
            return self._decoder.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None

    def need(self, raw: bytes | Raw | UnsetType, place: str, odd: list[str]) -> T:
        """The object, with every odd field at its default and its name appended to `odd`.

        Raises NotJson, and Refused where `raw` is no object.
        """
        value = None if raw is UNSET else self.typed(raw) or read_value(self.shape, raw, place, odd)
        if not isinstance(value, self.shape):
            refuse(place, "object")
        return value


def read_value(kind: Any, raw: bytes | Raw, name: str, odd: list[str]) -> Any:
    """`raw` as `kind` as far as it goes; UNSET, and `name` on `odd`, where it is something else."""
    try:
        return _decoder(kind).decode(raw)
    except msgspec.ValidationError:
        pass
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise NotJson from None
    return _tolerant(kind, raw, name, odd)


def _tolerant(kind: Any, raw: bytes | Raw, name: str, odd: list[str]) -> Any:
    """`read_value` of what the decoder has refused as `kind`."""
    for part in _alternatives(kind):
        if isinstance(part, type) and issubclass(part, Struct):
            fields = _try(_raw_twin(part), raw)
            if fields is not UNSET:
                return _rebuild(part, fields, odd)
        elif get_origin(part) is list:
            items = _try(list[Raw], raw)
            if items is not UNSET:
                return _elements(get_args(part)[0], items, name, odd)
    _readable(raw)
    odd.append(name)
    return UNSET


# Of a list with more odd elements none is carried: no body may cost more than bounded time.
MAX_ODD_ELEMENTS: Final = 1000
# Of a message with more odd parts than this no further list with an odd element is carried: many users
# can have a list each.
MAX_ODD_PARTS: Final = 10_000


def _elements(kind: Any, items: list[Raw], name: str, odd: list[str]) -> Any:
    """The good elements; UNSET, and `name` on `odd` once, if too many are odd.

    Of a list of needed elements, which is unusable if one of them is, the rest is then not read.
    """
    needed = type(None) in _alternatives(kind)
    decode, values = _decoder(kind).decode, list[Any]()
    unread, named = 0, len(odd)
    for item in items:
        try:
            values.append(decode(item))
            continue
        except msgspec.ValidationError:
            unread += 1
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise NotJson from None
        value = _tolerant(kind, item, name, odd)
        if value is not UNSET:
            # An element with an odd part: a needed one is carried without it, however many there are.
            unread -= needed
            values.append(value)
        elif needed:
            values.append(None)
        if unread > MAX_ODD_ELEMENTS or (len(odd) > MAX_ODD_PARTS and not needed):
            if needed:
                return values
            del odd[named:]
            odd.append(name)
            return UNSET
    return values


def _rebuild(shape: type[Struct], fields: Struct, odd: list[str]) -> Struct:
    values: dict[str, Any] = {}
    for field, kind in _kinds(shape):
        raw = getattr(fields, field.name)
        if raw is not UNSET:
            value = read_value(kind, raw, field.encode_name, odd)
            if value is not UNSET:
                values[field.name] = value
    return shape(**values)


def _try(kind: Any, raw: bytes | Raw) -> Any:
    try:
        return _decoder(kind).decode(raw)
    except msgspec.ValidationError:
        return UNSET
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise NotJson from None


def _readable(raw: bytes | Raw) -> None:
    """Raises NotJson for what is no value of any type, such as 1e999 or a broken escape."""
    try:
        msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise NotJson from None


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    """To make one costs ten times as much as to use it, and a body can have half a million odd elements."""
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
