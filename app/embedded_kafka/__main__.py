"""`python -m app.embedded_kafka`: fetches Kafka's jars and makes the archive of its classes, so that brokers
start fast."""

import sys

from app.embedded_kafka import EmbeddedKafkaError, fetch_kafka
from app.embedded_kafka.archive import make_archive
from app.embedded_kafka.jars import archive_path


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201


def main() -> int:
    """Fetches the missing jars. Returns the exit code: 0, or 1 with one line on standard error if that
    fails."""
    try:
        make_archive(fetch_kafka(_say), archive_path(), _say)
    except EmbeddedKafkaError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
