"""A worker, `python -m app worker`, that finds wrong checksums in some batches, because no broker can be made
to send such batches.

CORRUPT_BATCHES: the number of batches; CORRUPT_TOPIC: their partition, `topic/partition`, or empty for any.
"""

import os
import sys
from typing import Any

from app.cli.main import main
from app.engine.record_batches.fetched_records import AnswerReader
from app.engine.record_batches.lenient_records import FetchedBatch
from tests.tools.replacing import replace

_broken = os.environ["CORRUPT_TOPIC"]
_state: dict[str, Any] = {"left": int(os.environ["CORRUPT_BATCHES"]), "read": ""}


def _validate_crc(self: FetchedBatch) -> bool:
    if _broken in ("", _state["read"]):
        _state["left"] -= 1
        if _state["left"] >= 0:
            return False
    return bool(self._batch.validate_crc())


_next = AnswerReader._next_batch


def _next_batch(self: AnswerReader) -> FetchedBatch | None:
    """Notes the partition for `_validate_crc`."""
    tp = self._answer._tp
    _state["read"] = f"{tp.topic}/{tp.partition}"
    return _next(self)


if __name__ == "__main__":
    replace(FetchedBatch, "validate_crc", _validate_crc)
    replace(AnswerReader, "_next_batch", _next_batch)
    sys.exit(main(["worker"]))
