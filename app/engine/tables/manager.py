"""Faust's table manager, with the engine's restore. It also starts and stops the producers."""

import asyncio
from collections.abc import Sequence
from typing import cast

from faust.tables.manager import TableManager

from app.engine.outage import when_a_broker_answers
from app.engine.producer.producer import GroupCommitProducer
from app.engine.tables.restore import RestoreService, TableRestorer
from app.engine.tables.zombie_repair import ZombieRepair


class SliceTableManager(TableManager):
    """The table manager of `SliceApp`. `install_tables` sets its attributes, if there are tables."""

    producers: Sequence[GroupCommitProducer] = ()
    zombie_repair: ZombieRepair | None = None
    restorer: TableRestorer | None = None
    source: str = ""
    _scan: asyncio.Task[None] | None = None

    @property
    def recovery(self) -> RestoreService:
        """The service that Faust calls its recovery."""
        if self._recovery is None:
            self._recovery = RestoreService(self.app, self, beacon=self.beacon, loop=self.loop)
            self._recovery.restorer = self.restorer
            self._recovery.source = self.source
        return cast(RestoreService, self._recovery)

    async def on_start(self) -> None:
        """Starts the producers, then the scan, then Faust's part.

        The producers are first, because `append` cannot wait for a connection. Faust subscribes only after
        `_update_channels` (faust/tables/manager.py), so nothing is fetched before.
        """
        for producer in self.producers:
            await when_a_broker_answers(producer.start)
        if self.zombie_repair is not None:
            self._scan = asyncio.create_task(self.zombie_repair.run())
        # perf: saves 1 s of each start, for which Faust's own method sleeps here; plain form: sleep.
        if not self.should_stop:
            await self._update_channels()
            await self.recovery.start()

    async def on_stop(self) -> None:
        """Stops Faust's part, then the scan, then the producers.

        Faust stops the tables after the consumer has drained and has committed its last offsets
        (faust/app/base.py, `_stop_consumer`). So no slice waits for a producer any more.
        """
        await super().on_stop()
        if self._scan is not None:
            self._scan.cancel()
            await asyncio.wait({self._scan})
        for producer in self.producers:
            await producer.stop()
