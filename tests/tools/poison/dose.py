"""Poison that is sent at once."""

from collections.abc import Iterable, Sequence
from typing import Final, Literal, get_args

from msgspec import Struct

from tests.kafka import Headers, ToSend

Boundary = Literal["vendor", "canonical", "changelog"]
Form = Literal["plain", "raw", "committed", "aborted", "broken"]
"""How records are written: by librdkafka, as a batch whose bytes are made here, in a transaction, or in one
whose batch is broken on the broker's disk before it is committed."""
Damage = Literal["a wrong checksum", "a payload that cannot be inflated", "an unknown compression"]
DAMAGES: Final[tuple[Damage, ...]] = get_args(Damage)
BROKEN_BATCHES: Final[dict[str, Damage]] = {f"a batch with {damage}": damage for damage in DAMAGES}
"""The kinds of doses that are broken, with what is done to them."""

GZIP, SNAPPY, LZ4, ZSTD = 1, 2, 3, 4
CODECS: Final = (GZIP, SNAPPY, LZ4, ZSTD)
CODEC_NAMES: Final = {0: "none", GZIP: "gzip", SNAPPY: "snappy", LZ4: "lz4", ZSTD: "zstd"}


class Dose(Struct, frozen=True, kw_only=True):
    """Records of one kind for one topic. Those of a raw batch or a transaction are for one partition."""

    kind: str
    boundary: Boundary
    topic: str
    records: Sequence[ToSend]
    form: Form = "plain"
    codec: int = 0
    """The compression of a raw batch, and of one that is broken."""
    damage: Damage | None = None
    """What is broken."""
    odd_names: bool = False
    """Whether header names of a raw batch are changed into bytes that are not UTF-8."""
    open_seconds: float = 0.0
    """How long a transaction stays open."""
    inflated: bool = False
    """Whether no worker reads the records: their batch is larger than 64 MiB when it is unpacked, or they
    have too many headers."""


def without_marks(headers: Iterable[tuple[str, bytes | None]]) -> Headers:
    """Returns the headers without the mark of a truncated dead letter: a record with that mark keeps another
    position, by which the verifier could not find it."""
    return [(name, value) for name, value in headers if name.lower() != "x-truncated"]
