"""A worker with one agent and both tables, its rows those of `toy_rows`; an event is `b"update 5"`.

Run by the contract tests: `python -m tests.lane.toy_table_worker BOOTSTRAP APP_ID TOPIC PARTITIONS`.
"""

import logging
import sys
from collections.abc import AsyncIterable

from app.lane import (
    LaneApp,
    LaneConfig,
    Slice,
    faust_options,
    install,
    lane_consumer,
    run,
    run_slices,
    slice_topic,
)
from app.lane.findings import Garbage
from app.lane.ledger import LogPartition
from app.lane.producer import GroupProducer
from app.lane.producer_config import ProducerConfig
from app.lane.reader import ReaderConfig
from app.lane.rowlogic import Pair
from app.lane.table_manager import LaneTableManager
from app.lane.table_pair import TablePair
from app.lane.tables import LaneTable
from app.lane.wiring import TablesConfig, install_tables
from app.lane.write_observer import WriteObserver
from tests.lane.toy_rows import TOY_LOGIC, apply_event


class Announcer(WriteObserver):
    """Tells the test over stdout what it waits for."""

    def recovered(self, partitions: int, records: int, rewritten: int, seconds: float) -> None:
        print("recovered", partitions, records, flush=True)

    def retained(self, partitions: int) -> None:
        print("retained", partitions, flush=True)


def main(broker: str, app_id: str, topic: str, partitions: int) -> int:
    config = LaneConfig(
        slice_max_records=50,
        commit_interval=0.2,
        session_timeout=6.0,
        heartbeat_interval=0.3,
        quiesce_timeout=5.0,
    )
    app = LaneApp(
        app_id, Table=LaneTable, TableManager=LaneTableManager, **faust_options(config, broker=broker)
    )
    install(app, config)
    producer = GroupProducer(
        ProducerConfig(bootstrap_servers=broker, session_timeout_seconds=config.session_timeout),
        lease=lambda: lane_consumer(app).last_heartbeat_age(),
    )
    tables = TablesConfig(
        partitions=partitions, reader=ReaderConfig(bootstrap_servers=broker), patrol_seconds=1.0
    )
    pair = install_tables(app, tables, TOY_LOGIC, producer, no_dead_letter, observer=Announcer())

    @app.agent(slice_topic(app, topic), concurrency=4)
    async def state(stream: AsyncIterable[Slice]) -> None:
        await run_slices(stream, lambda records: handle(pair, producer, records))

    return run(app, stop_deadline=60.0)


def no_dead_letter(log: LogPartition, _: Garbage) -> None:
    raise AssertionError(f"nobody writes garbage to {log.topic}")


async def handle(pair: TablePair, producer: GroupProducer, records: Slice) -> None:
    producer.enter(records.topic, records.partition, records.first, records.last, records.generation)
    users, loyalty = pair.users.live(records.partition), pair.loyalty.live(records.partition)
    for record in records.records:
        assert record.key is not None
        assert record.value is not None
        kind, time = record.value.decode().split()
        before = Pair(users.get(record.key), loyalty.get(record.key))
        after = apply_event(before, kind, int(time))
        if after.users != before.users:
            users.put(record.key, after.users)
        if after.loyalty != before.loyalty:
            loyalty.put(record.key, after.loyalty)
    pair.users.flush(producer)
    pair.loyalty.flush(producer)
    await producer.sync()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    logging.getLogger("faust").setLevel(logging.WARNING)
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
