"""A small TCP proxy between workers and broker, in a thread of its own: it is the network that fails."""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from contextlib import suppress
from enum import Enum, auto
from types import TracebackType
from typing import Any, Self

_CHUNK_BYTES = 16 * 1024
_START_SECONDS = 10.0


class Weather(Enum):
    FAIR = auto()
    CUT = auto()  # Connections are reset, new ones at once.
    SILENT = auto()  # Connections stay open and nothing passes, as with a firewall that drops packets.
    SLOW = auto()  # Every chunk of 16 KiB takes 0.1 s more, in each direction.


_SLOW_SECONDS = 0.1


class Proxy:
    """Forwards 127.0.0.1:`front` to 127.0.0.1:`back`, as the weather allows."""

    def __init__(self, front: int, back: int) -> None:
        self._front = front
        self._back = back
        self._weather = Weather.FAIR
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        self._clear = self._call(self._start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def set(self, weather: Weather) -> None:
        """Sets the weather from now on, for open connections as well."""
        self._call(self._set(weather))

    def _call(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        future: Future[Any] = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        return future.result(_START_SECONDS)

    async def _start(self) -> asyncio.Event:
        clear = asyncio.Event()
        clear.set()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._front)
        return clear

    async def _stop(self) -> None:
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _set(self, weather: Weather) -> None:
        self._weather = weather
        if weather is Weather.SILENT:
            self._clear.clear()
        else:
            self._clear.set()
        if weather is Weather.CUT:
            for writer in list(self._writers):
                writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._weather is Weather.CUT:
            writer.transport.abort()
            return
        try:
            back_reader, back_writer = await asyncio.open_connection("127.0.0.1", self._back)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, back_writer}
        for pair in ((reader, back_writer), (back_reader, writer)):
            task = asyncio.create_task(self._forward(*pair))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await reader.read(_CHUNK_BYTES):
                await self._clear.wait()
                if self._weather is Weather.SLOW:
                    await asyncio.sleep(_SLOW_SECONDS)
                writer.write(chunk)
                await writer.drain()
        self._writers.discard(writer)
        with suppress(OSError, RuntimeError):
            writer.close()
