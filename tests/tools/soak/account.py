"""The account at the end: reads every source record again, one at a time, and compares."""

import time
from collections.abc import Callable, Iterator

from msgspec import Struct

from app.canonical import Event
from app.outcome import Emit, Skip
from app.state import encode_loyalty, encode_user, fold
from app.vendors import VENDORS, convert
from tests.tools.faults.stage import Stage
from tests.tools.faults.verifier import wrong_rows
from tests.tools.soak.ledger import Ledger
from tests.tools.soak.stream import records_of
from tests.vendors.records import as_read

_SAY_RECORDS = 100_000
_ANSWER_SECONDS = 30.0


class Account(Struct):
    """Counts only: no payload, no key. All but `records` and `rows` have to be zero."""

    records: int = 0
    rows: int = 0
    lost: int = 0
    """Source records that no event and no dead letter names, although they must not be skipped."""
    wrong_rows: int = 0
    """Keys of both tables whose last row is missing, should not exist, or differs from that of the fold."""
    uncommitted: int = 0
    """Partitions whose committed offset is not the end offset."""


def close_account(stage: Stage, ledger: Ledger, say: Callable[[str], None]) -> Account:
    """Returns the account of a system that is at rest and whose workers have ended. Keeps the rows in memory,
    not the records."""
    account = Account()
    tables = fold(_events(stage, ledger, account, say))
    users = {key.encode(): encode_user(user) for key, (user, _) in tables.items() if user is not None}
    loyalty = {key.encode(): encode_loyalty(row) for key, (_, row) in tables.items() if row is not None}
    for topic, rows in zip(stage.settings.changelogs, (users, loyalty), strict=True):
        say(f"account: comparing {len(rows):,} rows with {topic}")
        account.rows += len(rows)
        account.wrong_rows += wrong_rows(records_of(stage.broker, topic), rows)
    seen = stage.wait(stage.watch.look, "an answer of the broker", _ANSWER_SECONDS)
    account.uncommitted = sum(seen.committed.get(each, 0) != end for each, end in seen.ends.items())
    return account


def _events(stage: Stage, ledger: Ledger, account: Account, say: Callable[[str], None]) -> Iterator[Event]:
    began = time.monotonic()
    for name, vendor in VENDORS.items():
        options = stage.settings.options_of(name)
        for record in records_of(stage.broker, stage.settings.topic_of(name)):
            partition = f"{record.topic}/{record.partition}"
            outcome = convert(vendor, record, partition, options)
            account.records += 1
            account.lost += not isinstance(outcome, Skip) and not ledger.marked(partition, record.offset)
            if isinstance(outcome, Emit):
                yield from map(as_read, outcome.events)
            if account.records % _SAY_RECORDS == 0:
                rate = account.records / (time.monotonic() - began)
                say(f"account: {account.records:,} of {stage.load.published:,} records, {rate:,.0f}/s")
