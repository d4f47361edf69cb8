"""aiokafka's decoder in Python, for the batches that its compiled one refuses.

Any producer can send a header name that is not UTF-8. The compiled decoder's UnicodeDecodeError would end
every worker that fetches the record, again after each restart.
"""

from typing import Any

from aiokafka.record.default_records import _DefaultRecordBatchPy


class LenientBatch(_DefaultRecordBatchPy):
    """A batch that is not compressed. What is not UTF-8 in a header name becomes U+FFFD."""

    def __iter__(self) -> Any:
        batch = super().__iter__()
        self._buffer: Any = _LenientBytes(self._buffer)
        return batch


class _LenientBytes(bytearray):
    """Bytes whose slices decode without an error: what is not UTF-8 becomes U+FFFD."""

    def __getitem__(self, index: Any) -> Any:
        found = super().__getitem__(index)
        return _LenientBytes(found) if isinstance(found, bytearray) else found

    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        return super().decode(encoding, "replace" if errors == "strict" else errors)
