"""`python -m app.embedded_kafka`: fetch Kafka now, so that its first start is a quick one."""

import sys

from app.embedded_kafka import EmbeddedKafkaError, fetch_kafka


def main() -> int:
    """Fetch what is missing; the exit code is 1, with one line, if that fails."""
    try:
        fetch_kafka(lambda line: print(line, file=sys.stderr, flush=True))  # noqa: T201
    except EmbeddedKafkaError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
