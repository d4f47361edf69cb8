"""The part that a vendor's agent makes of a slice."""

from collections.abc import Callable
from typing import Final

from msgspec import Struct
from msgspec.json import Decoder

from app.dead_letters import PreparedDeadLetter
from app.engine import Headers, OnRefused, Refusal, Slice, Written
from app.outcome_counter import OutcomeCounter, Outcomes

# A part with more events or dead letters than these is appended in pieces, and other tasks run between two.
# Parts of usual records are far smaller.
_PIECE_EVENTS: Final = 5_000
_PIECE_BYTES: Final = 8 << 20
_PIECE: Final = 200


class _Origin(Struct):
    """The members of a canonical event that say which record it was made of, and of which type it is."""

    origin: str
    type: str


_origins: Final = Decoder(_Origin)


class MappedPart:
    """A part that an agent makes of a slice: the outcomes of its records.

    It keeps the events as bytes only, because the garbage collector would scan thousands of event objects.
    """

    def __init__(
        self,
        slice_: Slice,
        first: int,
        counter: OutcomeCounter,
        append_refused: Callable[["MappedPart"], None],
    ) -> None:
        """`first`: the index of the part's first record in the slice. `append_refused` appends dead letters
        of the records of which a broker refused an event."""
        self.slice = Slice(slice_.topic, slice_.partition, slice_.records[first:], skipped=slice_.skipped)
        """The records of the part. Until they are mapped, all those from the first one on."""
        self._counter = counter
        self._append_refused = append_refused
        self.keys: list[bytes] = []
        self.values: list[bytes] = []
        self.types: list[str] = []
        self.headers: dict[int, Headers] = {}
        """By the index of the event; only if they are not the usual ones."""
        self.dead: dict[int, PreparedDeadLetter] = {}
        """By the index of the record in the part."""
        self.size = 0
        """The bytes of its events and dead letters."""
        self.outcomes = Outcomes()
        self.refused: list[tuple[_Origin, Refusal]] = []
        """The events that a broker refused."""
        # One object for the whole part, because the producer compares it with that of the record before.
        self.refuse: OnRefused = self._refuse

    def piece(self) -> int:
        """Returns how many records are appended before other tasks run."""
        outputs = len(self.keys) + len(self.dead)
        return _PIECE if self.size > _PIECE_BYTES or outputs > _PIECE_EVENTS else outputs + 1

    def appended(self) -> None:
        """Forgets what the producer has now."""
        self.keys, self.values, self.types, self.headers, self.dead = [], [], [], {}, {}

    def _refuse(self, event: Written, refusal: Refusal) -> None:
        """Called by the producer for each refused event, before it reports that the part is written."""
        self.refused.append((_origins.decode(event.value or b""), refusal))

    def settle(self) -> bool:
        """Appends dead letters in place of refused events, and returns whether there were any. Called when
        everything that was appended is acknowledged (`Part`)."""
        if not self.refused:
            return False
        self._append_refused(self)
        self.refused.clear()
        return True

    def count(self) -> None:
        """Counts the outcomes. Called when nothing is left to append (`Part`)."""
        self._counter.count(self.slice, self.outcomes)
