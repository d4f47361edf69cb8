"""Cuts chunks of bytes into lines, within a bound of memory."""


class LineSplitter:
    """Gets the chunks of an input in their order. A line ends at a newline byte only.

    Of a line that is longer than `limit` bytes only `limit` + 1 are kept while it comes in: that is enough to
    see that it is too long, and bounds the memory.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.rest = b""
        """What has come in of a line whose end has not; at the end of the input, its last line."""

    def add(self, chunk: bytes) -> list[bytes]:
        """Returns the lines that end in this chunk, without their ends."""
        lines = chunk.split(b"\n")
        lines[0] = self.rest + lines[0]
        self.rest = lines.pop()[: self._limit + 1]
        return lines
