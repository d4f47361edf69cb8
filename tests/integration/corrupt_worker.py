"""`python -m app worker` that finds wrong checksums in CORRUPT_BATCHES batches of the partition CORRUPT_TOPIC
(`topic/partition`; of any, if it is empty). No broker can be made to do that.
"""

import os
import sys
from typing import Any

from aiokafka.consumer.fetcher import PartitionRecords

from app.cli.main import main
from app.lane.records import _Batch

_broken = os.environ["CORRUPT_TOPIC"]
_state: dict[str, Any] = {"left": int(os.environ["CORRUPT_BATCHES"]), "read": ""}


def _validate_crc(self: _Batch) -> bool:
    if _broken in ("", _state["read"]):
        _state["left"] -= 1
        if _state["left"] >= 0:
            return False
    return bool(self._batch.validate_crc())


_unpack = PartitionRecords._unpack_records


def _unpack_records(self: PartitionRecords) -> Any:
    """Tells `_validate_crc` of which partition it is asked, before the first record is taken."""
    records = _unpack(self)

    def unpacked() -> Any:
        _state["read"] = f"{self._tp.topic}/{self._tp.partition}"
        yield from records

    return unpacked()


if __name__ == "__main__":
    _Batch.validate_crc = _validate_crc  # type: ignore[attr-defined]
    PartitionRecords._unpack_records = _unpack_records
    sys.exit(main(["worker"]))
