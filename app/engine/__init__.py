"""The engine: it replaces what Faust does for each record by what is done once for each slice of records.

No other code knows the insides of Faust and aiokafka. Everything outside `app/engine` imports from this
module and from no other module of the folder. Decisions are plain objects without I/O; the subclasses of
Faust's classes tell them what happened and do what they answer (docs/design.md#decisions).
"""

import app.engine.aiokafka_patches  # noqa: F401 - first: it must run before any client is made
from app.engine.app import (
    SliceApp,
    add_agent,
    consumer_of,
    heartbeat_age,
    install_tables,
    log_watch,
    restore_report,
    spare,
)
from app.engine.config import ConsumerConfig, ProducerConfig, ReaderConfig, TablesConfig
from app.engine.consumer.commit_note import CommitNote
from app.engine.consumer.group_commits import (
    GroupInUse,
    committed_offsets,
    paused_note,
    read_commits,
    resumed_note,
    write_commits,
)
from app.engine.consumer.lag import PartitionLag
from app.engine.consumer.leave_group import leave_group
from app.engine.consumer.resumption import NotCommitted
from app.engine.fatal import EXIT_PROTECT, die
from app.engine.log_reader import LogBatch, LogReader, ReadSession
from app.engine.log_watch import LogWatch
from app.engine.observer import EngineObserver
from app.engine.preflight import ConnectProblem, connect_problem
from app.engine.processor import (
    LARGE_BYTES,
    PART_BYTES,
    PART_SECONDS,
    InThread,
    MoreRoom,
    Part,
    Pause,
    Processor,
    Step,
)
from app.engine.producer.partitioner import partition_of
from app.engine.producer.producer import GroupCommitProducer
from app.engine.producer.refusals import Headers, NoAnswer, OnRefused, Refusal, Written
from app.engine.record_batches.open_batches import UnreadRecord
from app.engine.run import run
from app.engine.security import ClientSecurity, TokenUnreadable
from app.engine.slice_loop import run_slices
from app.engine.slices import Partition, Record, Slice, size_of
from app.engine.tables.changelog_replay import ChangelogReplay
from app.engine.tables.changelog_rows import ChangelogRows, ChangelogRowsReader, UnusableChangelog
from app.engine.tables.findings import REPAIRED, Garbage, SkippedKind
from app.engine.tables.merge_rules import (
    CHANGED,
    TABLE_NAMES,
    LaterVersion,
    NoRow,
    Pair,
    Row,
    RowRules,
    TableName,
    TableRules,
)
from app.engine.tables.restore_progress import RestoreReport
from app.engine.tables.row_store import RowStore
from app.engine.tables.table import PartitionRows
from app.engine.tables.user_tables import UserTables
from app.engine.tables.write_ledger import LogPartition
from app.engine.topic_rights import Operation, missing_right, topic_rights
from app.engine.watchdog.watchdog import Watchdog

__all__ = [
    "CHANGED",
    "EXIT_PROTECT",
    "LARGE_BYTES",
    "PART_BYTES",
    "PART_SECONDS",
    "REPAIRED",
    "TABLE_NAMES",
    "ChangelogReplay",
    "ChangelogRows",
    "ChangelogRowsReader",
    "ClientSecurity",
    "CommitNote",
    "ConnectProblem",
    "ConsumerConfig",
    "EngineObserver",
    "Garbage",
    "GroupCommitProducer",
    "GroupInUse",
    "Headers",
    "InThread",
    "LaterVersion",
    "LogBatch",
    "LogPartition",
    "LogReader",
    "LogWatch",
    "MoreRoom",
    "NoAnswer",
    "NoRow",
    "NotCommitted",
    "OnRefused",
    "Operation",
    "Pair",
    "Part",
    "Partition",
    "PartitionLag",
    "PartitionRows",
    "Pause",
    "Processor",
    "ProducerConfig",
    "ReadSession",
    "ReaderConfig",
    "Record",
    "Refusal",
    "RestoreReport",
    "Row",
    "RowRules",
    "RowStore",
    "SkippedKind",
    "Slice",
    "SliceApp",
    "Step",
    "TableName",
    "TableRules",
    "TablesConfig",
    "TokenUnreadable",
    "UnreadRecord",
    "UnusableChangelog",
    "UserTables",
    "Watchdog",
    "Written",
    "add_agent",
    "committed_offsets",
    "connect_problem",
    "consumer_of",
    "die",
    "heartbeat_age",
    "install_tables",
    "leave_group",
    "log_watch",
    "missing_right",
    "partition_of",
    "paused_note",
    "read_commits",
    "restore_report",
    "resumed_note",
    "run",
    "run_slices",
    "size_of",
    "spare",
    "topic_rights",
    "write_commits",
]
