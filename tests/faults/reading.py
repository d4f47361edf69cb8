"""Reads what the verifier judges, by librdkafka."""

from app.settings import Settings
from app.state import decode_loyalty, decode_user, encode_loyalty, encode_user, merge_loyalty, merge_users
from app.vendors import VENDORS
from tests.faults.expected import expect
from tests.faults.verifier import Found, Report, judge
from tests.kafka import Record, committed, consume_all, end_offsets


def verify(broker: str, settings: Settings) -> Report:
    """Recounts everything that was published and judges everything that was written."""
    records = {name: consume_all(broker, settings.topic_of(name)) for name in VENDORS}
    options = {name: settings.options_of(name) for name in VENDORS}
    return judge(read(broker, settings), expect(records, options))


def read(broker: str, settings: Settings) -> Found:
    sources = [*(settings.topic_of(name) for name in VENDORS), settings.topic_events]
    ends = {topic: end_offsets(broker, topic) for topic in sources}
    offsets = {topic: committed(broker, settings.app_id, topic) for topic in sources}
    users, loyalty = settings.changelogs
    return Found(
        canonical=consume_all(broker, settings.topic_events),
        letters=consume_all(broker, settings.topic_dead_letter),
        users=consume_all(broker, users),
        loyalty=consume_all(broker, loyalty),
        ends={(topic, part): end for topic, each in ends.items() for part, end in each.items()},
        committed={(topic, part): at for topic, each in offsets.items() for part, at in each.items()},
    )


def stale_rows(broker: str, settings: Settings) -> tuple[int, int]:
    """How many rows of both changelogs stand behind a better one of their key, and how many of those
    are the last: what a worker that woke up has left, and what of it nobody has healed yet."""
    stale = last = 0
    for topic, merged in zip(settings.changelogs, (_merged_user, _merged_loyalty), strict=True):
        best: dict[bytes, bytes] = {}
        behind: dict[bytes, bool] = {}
        for record in consume_all(broker, topic):
            key, row = _known(record)
            if row is None:
                continue
            better = merged(best[key], row) if key in best else row
            behind[key] = better != row
            best[key] = better
            stale += behind[key]
        last += sum(behind.values())
    return stale, last


def _known(record: Record) -> tuple[bytes, bytes | None]:
    return record.key or b"", record.value


def _merged_user(older: bytes, newer: bytes) -> bytes:
    return newer if older == newer else encode_user(merge_users(decode_user(older), decode_user(newer)))


def _merged_loyalty(older: bytes, newer: bytes) -> bytes:
    merged = merge_loyalty(decode_loyalty(older), decode_loyalty(newer))
    return newer if merged is None else encode_loyalty(merged)
