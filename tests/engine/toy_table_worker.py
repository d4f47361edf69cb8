"""A worker with one agent and both tables, its rows those of `toy_rows`; an event is `b"update 5"`.

Tests of the engine run it:
`python -m tests.engine.toy_table_worker BOOTSTRAP APP_ID TOPIC PARTITIONS SESSION_SECONDS`.
"""

import logging
import sys
from collections.abc import Generator
from typing import Any

from app.engine import (
    ConsumerConfig,
    Slice,
    SliceApp,
    add_agent,
    heartbeat_age,
    run,
)
from app.engine.app import install_tables
from app.engine.config import ProducerConfig, ReaderConfig, TablesConfig
from app.engine.observer import EngineObserver
from app.engine.producer.producer import GroupCommitProducer
from app.engine.tables.findings import Garbage
from app.engine.tables.merge_rules import Pair
from app.engine.tables.user_tables import UserTables
from app.engine.tables.write_ledger import LogPartition
from tests.engine.toy_rows import TOY_RULES, apply_event


class Announcer(EngineObserver):
    """Prints to stdout what the test waits for."""

    def restored(self, partitions: int, records: int, rewritten: int, seconds: float) -> None:
        print("restored", partitions, records, flush=True)

    def kept_warm(self, partitions: int) -> None:
        print("kept warm", partitions, flush=True)


def main(broker: str, app_id: str, topic: str, partitions: int, session_seconds: float) -> int:
    config = ConsumerConfig(
        slice_max_records=50,
        commit_interval=0.2,
        session_timeout=session_seconds,
        heartbeat_interval=0.3,
        quiesce_timeout=5.0,
    )
    app = SliceApp(app_id, config, broker=broker)
    producer = GroupCommitProducer(
        ProducerConfig(bootstrap_servers=broker, session_timeout_seconds=config.session_timeout),
        heartbeat_age=lambda: heartbeat_age(app),
    )
    tables_config = TablesConfig(
        source=topic,
        partitions=partitions,
        reader=ReaderConfig(bootstrap_servers=broker),
        scan_seconds=1.0,
    )
    tables = install_tables(app, tables_config, TOY_RULES, producer, no_dead_letter, observer=Announcer())

    add_agent(app, "toy", topic, Toy(tables, producer), producer, slices_at_once=4)
    return run(app, stop_deadline=60.0)


def no_dead_letter(log: LogPartition, _: Garbage) -> None:
    raise AssertionError(f"nobody writes garbage to {log.topic}")


class Toy:
    """The agent, and the part that it makes of a slice."""

    def __init__(self, tables: UserTables, producer: GroupCommitProducer) -> None:
        self._tables = tables
        self._producer = producer

    def process(self, slice_: Slice) -> Generator["Toy", Any, None]:
        users, loyalty = (each.live(slice_.partition) for each in (self._tables.users, self._tables.loyalty))
        for record in slice_.records:
            assert record.key is not None
            assert record.value is not None
            kind, time = record.value.decode().split()
            before = Pair(users.get(record.key), loyalty.get(record.key))
            after = apply_event(before, kind, int(time))
            if after.users != before.users:
                users.put(record.key, after.users, b"")
            if after.loyalty != before.loyalty:
                loyalty.put(record.key, after.loyalty, b"")
        self._tables.users.append_changed(self._producer)
        self._tables.loyalty.append_changed(self._producer)
        yield self

    def settle(self) -> bool:
        return False

    def count(self) -> None:
        pass


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    logging.getLogger("faust").setLevel(logging.WARNING)
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), float(sys.argv[5])))
