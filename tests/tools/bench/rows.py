"""Writes rows of many users into the changelogs, as a worker writes them, for a restart to read."""

from collections.abc import Iterator
from typing import Final

from app.canonical import decode_event, encode_event
from app.cli.convert import Line
from app.engine import CHANGED
from app.engine.producer.partitioner import partition_of
from app.outcome import Emit
from app.state import NO_ROWS, Rows, apply, encode_loyalty, encode_user
from app.vendors import VENDORS, Options, convert
from tests.tools.bench.bodies import score_and_profile
from tests.tools.bench.load import Publisher

# A number that a row has only as the user's number or, plus 1, as the user's id.
_MARK: Final = 987_654_321
_OWN: Final = b"%d" % _MARK
_NEXT: Final = b"%d" % (_MARK + 1)
_RECORDED_MS: Final = 1_735_689_600_000
_HEADERS: Final[list[tuple[str, str | bytes | None]]] = [(CHANGED, b"profile.name,status")]


def _templates(versions: int) -> list[tuple[bytes, bytes]]:
    """Returns both rows of user _MARK, after each of so many times a score and a profile."""
    rows, templates = NO_ROWS, []
    for version in range(versions):
        for offset, body in enumerate(score_and_profile(_MARK, version)):
            outcome = convert(
                VENDORS["selfcommunity"], Line(offset, _RECORDED_MS, [], body), "bench/0", Options()
            )
            assert isinstance(outcome, Emit)
            for event in outcome.events:
                user, loyalty, _ = apply(decode_event(encode_event(event)), *rows)
                rows = Rows(user, loyalty)
        assert rows.user is not None
        assert rows.loyalty is not None
        templates.append((encode_user(rows.user), encode_loyalty(rows.loyalty)))
    return templates


def versions_of_rows(
    count: int, versions: int = 1, *, each_once: bool = False
) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yields key, users row and loyalty row of each user of `updates_and_scores`, older than those events:
    first version by version, and in each of them user by user.

    `each_once`: each user has one row, of each version as many users. So the rows are as large as those of
    all versions: a loyalty row grows with each.
    """
    templates = _templates(versions)
    for version in range(1 if each_once else versions):
        for user in range(count):
            sub = b"%d" % (user + 1)
            users, loyalty = (
                row.replace(_NEXT, sub).replace(_OWN, b"%d" % user)
                for row in templates[user % versions if each_once else version]
            )
            yield b"selfcommunity/default/" + sub, users, loyalty


def publish_rows(
    broker: str,
    changelogs: tuple[str, str],
    users: int,
    partitions: int,
    versions: int = 1,
    *,
    each_once: bool = False,
) -> int:
    """Returns the size of all keys and rows in bytes. Writes `versions_of_rows`, as one worker would."""
    size = 0
    with Publisher(broker, idempotent=True) as publisher:
        for number, (key, *rows) in enumerate(versions_of_rows(users, versions, each_once=each_once)):
            partition = partition_of(key, partitions)
            for topic, row in zip(changelogs, rows, strict=True):
                publisher.send(topic, key, row, partition, _HEADERS)
                size += len(key) + len(row)
            if number % 1000 == 0:
                publisher.poll()
    return size
