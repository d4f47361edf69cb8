"""Reads what the verifier judges, with librdkafka."""

from app.settings import Settings
from app.state import decode_loyalty, decode_user, encode_loyalty, encode_user, merge_loyalty, merge_users
from app.vendors import VENDORS
from tests.kafka import Record, committed, consume_all, end_offsets
from tests.tools.faults.expected import Expected, Logs, expect
from tests.tools.faults.foreign import Foreign
from tests.tools.faults.verifier import Found, Report, judge

# What is longer is too large in any case; and a batch that is a bomb must not burst in the verifier.
_CUT_BYTES = 8 << 20


def verify(broker: str, settings: Settings, foreign: Foreign | None = None) -> Report:
    """Returns the verdict on everything that was written, by what was published."""
    return judge(*seen_and_expected(broker, settings, foreign))


def seen_and_expected(
    broker: str, settings: Settings, foreign: Foreign | None = None
) -> tuple[Found, Expected]:
    """Returns what is in the topics, and what must be there. `foreign`: what was written that is neither a
    vendor's nor a worker's."""
    foreign = foreign or Foreign()
    found = read(broker, settings, foreign)
    records = {name: _sources(broker, settings.topic_of(name), foreign) for name in VENDORS}
    options = {name: settings.options_of(name) for name in VENDORS}
    logs = Logs(
        found.canonical,
        {"users": found.users, "loyalty": found.loyalty},
        settings.partitions_events,
        foreign,
    )
    return found, expect(records, options, logs)


def _sources(broker: str, topic: str, foreign: Foreign) -> list[Record]:
    return consume_all(broker, topic, isolation="read_committed", cut=_CUT_BYTES, headers_of=foreign.headers)


def read(broker: str, settings: Settings, foreign: Foreign) -> Found:
    """Returns everything that the workers have written and committed."""
    sources = [*(settings.topic_of(name) for name in VENDORS), settings.topic_events]
    ends = {topic: end_offsets(broker, topic) for topic in sources}
    offsets = {topic: committed(broker, settings.app_id, topic) for topic in sources}
    users, loyalty = settings.changelogs
    return Found(
        canonical=_sources(broker, settings.topic_events, foreign),
        dead_letters=consume_all(broker, settings.topic_dead_letter),
        users=consume_all(broker, users, headers_of=foreign.headers),
        loyalty=consume_all(broker, loyalty, headers_of=foreign.headers),
        ends={(topic, part): end for topic, each in ends.items() for part, end in each.items()},
        committed={(topic, part): at for topic, each in offsets.items() for part, at in each.items()},
    )


def stale_rows(broker: str, settings: Settings) -> tuple[int, int]:
    """Returns two counts of both changelogs. The first is how many rows lack something that an earlier row of
    their key has: zombies wrote them. The second is how many of those are the last of their key: nobody has
    repaired them yet."""
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
