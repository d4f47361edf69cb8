"""Faust's table manager, with the lane's recovery, and the producers' lifetime tied to it."""

import asyncio
from collections.abc import Sequence
from typing import cast

from faust.tables.manager import TableManager

from app.lane.guard import ChangelogGuard
from app.lane.producer import GroupProducer
from app.lane.recovery import LaneRecovery, TableLoader


class LaneTableManager(TableManager):
    """Given to the app as its setting `TableManager`; `install_tables` does the wiring."""

    producers: Sequence[GroupProducer] = ()
    guard: ChangelogGuard | None = None
    loader: TableLoader
    _patrol: asyncio.Task[None] | None = None

    @property
    def recovery(self) -> LaneRecovery:
        if self._recovery is None:
            self._recovery = LaneRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
            self._recovery.loader = self.loader
        return cast(LaneRecovery, self._recovery)

    async def on_start(self) -> None:
        """Producers first: agents may not await one that is still connecting. Faust subscribes only after
        `_update_channels` (faust/tables/manager.py), so nothing is fetched before. Faust's own version
        sleeps a second here, which nothing needs."""
        for producer in self.producers:
            await producer.start()
        if self.guard is not None:
            self._patrol = asyncio.create_task(self.guard.run())
        if not self.should_stop:
            await self._update_channels()
            await self.recovery.start()

    async def on_stop(self) -> None:
        """Faust stops the tables after the consumer was drained and its last offsets were committed
        (faust/app/base.py, `_stop_consumer`): no slice waits for a producer any more."""
        await super().on_stop()
        if self._patrol is not None:
            self._patrol.cancel()
            await asyncio.wait({self._patrol})
        for producer in self.producers:
            await producer.stop()
