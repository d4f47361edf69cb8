"""Rows of many users, put into the changelogs as a worker writes them: what a restart reads back."""

from typing import Final

from app.canonical import decode_event, encode_event
from app.cli.convert import Line
from app.lane.partitioner import partition_of
from app.outcome import Emit
from app.state import NO_ROWS, Rows, apply, encode_loyalty, encode_user
from app.vendors import VENDORS, Options, convert
from tests.bench.bodies import first_two
from tests.bench.load import Publisher

# A number that stands nowhere in a row but where the user's own number, or the id after it, does.
_MARK: Final = 987_654_321
_OWN: Final = b"%d" % _MARK
_NEXT: Final = b"%d" % (_MARK + 1)
_RECORDED_MS: Final = 1_735_689_600_000


def _template() -> tuple[bytes, bytes]:
    """Both rows of user _MARK after a score and a profile."""
    rows = NO_ROWS
    for offset, body in enumerate(first_two(_MARK)):
        outcome = convert(
            VENDORS["selfcommunity"], Line(offset, _RECORDED_MS, [], body), "bench/0", Options()
        )
        assert isinstance(outcome, Emit)
        for event in outcome.events:
            user, loyalty, _ = apply(decode_event(encode_event(event)), *rows)
            rows = Rows(user, loyalty)
    assert rows.user is not None
    assert rows.loyalty is not None
    return encode_user(rows.user), encode_loyalty(rows.loyalty)


def publish_rows(broker: str, changelogs: tuple[str, str], users: int, partitions: int) -> int:
    """A users row and a loyalty row for each of `users` users, the ones that `app.vendors` makes of
    `updates_and_scores`, older than those. Returns the bytes of keys and rows."""
    user_row, loyalty_row = _template()
    size = 0
    with Publisher(broker) as publisher:
        for user in range(users):
            sub = b"%d" % (user + 1)
            key = b"selfcommunity/default/" + sub
            partition = partition_of(key, partitions)
            for topic, template in zip(changelogs, (user_row, loyalty_row), strict=True):
                row = template.replace(_NEXT, sub).replace(_OWN, b"%d" % user)
                publisher.send(topic, key, row, partition)
                size += len(key) + len(row)
            if user % 1000 == 0:
                publisher.poll()
    return size
