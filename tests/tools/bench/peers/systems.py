"""Rollcall and its peers, each as its users would write it and tuned as well as Rollcall: a system that has
the option commits twice a second and fetches 4 MiB of a partition."""

import asyncio
import os
import shutil
import subprocess
import sys
from functools import cache, partial
from pathlib import Path
from typing import Final

from app.embedded_kafka.properties import free_ports
from app.settings import Settings
from app.topic_admin import prepare_topics
from app.vendors import VENDORS
from tests.kafka import consume, create_topics, topic_names
from tests.tools.bench.peers.job import Job
from tests.tools.bench.peers.outputs import Rows, last_rows
from tests.tools.bench.peers.progress import position_by_commits, position_by_output
from tests.tools.bench.peers.same_functions import vendor_of
from tests.tools.bench.peers.streams import missing_for_streams, streams_command
from tests.tools.bench.peers.system import Command, System
from tests.tools.bench.processes import ROOT
from tests.tools.bench.worker import environment_of

_PACKAGE: Final = "tests.tools.bench.peers"
# Quix Streams needs another version of confluent-kafka than Rollcall's tests, so these two have a Python of
# their own (`make bench-peers` makes it).
PEERS_PYTHON: Final = os.environ.get("PEERS_PYTHON") or str(ROOT / ".venv-peers" / "bin" / "python")
# The most that the setting takes. The deletions among the bodies are old, and of all systems only Rollcall
# removes their markers.
_GRACE_PERIOD_SECONDS: Final = "1000000000"
_TABLES: Final = {b'"users"': 0, b'"loyalty"': 1}


def _rollcall_settings(job: Job) -> Settings:
    sources = {vendor_of(source): source for source in job.sources}
    return Settings(
        broker_url=job.broker,
        app_id=job.group,
        topic_events=job.events,
        topic_dead_letter=f"{job.group}-dead-letter",
        topic_vendors={vendor: sources.get(vendor, f"{job.group}-{vendor}") for vendor in VENDORS},
        http_port=free_ports(1)[0],
    )


def _rollcall_topics(job: Job) -> None:
    asyncio.run(prepare_topics(_rollcall_settings(job), create=True))


def _rollcall(job: Job) -> Command:
    arguments = ["-m", "app", "worker"] if job.full else ["-m", f"{_PACKAGE}.rollcall_map"]
    environment = {**environment_of(_rollcall_settings(job)), "GRACE_PERIOD": _GRACE_PERIOD_SECONDS}
    return Command(program=sys.executable, arguments=arguments, environment=environment)


def _faust(job: Job) -> Command:
    shape, *arguments = job.arguments()
    return Command(
        program=sys.executable, arguments=["-m", "tests.tools.bench.plain_faust", *arguments, shape]
    )


def _loop(module: str, job: Job, program: str = sys.executable) -> Command:
    return Command(program=program, arguments=["-m", f"{_PACKAGE}.{module}", *job.arguments()])


@cache
def _missing_package(name: str) -> str:
    if shutil.which(PEERS_PYTHON) is None:
        return "its Python is missing: make bench-peers makes it"
    done = subprocess.run([PEERS_PYTHON, "-c", f"import {name}"], capture_output=True, check=False)
    return f"{Path(PEERS_PYTHON).name} of the peers has no package {name}" if done.returncode else ""


def _quix_topics(job: Job) -> None:
    """Leaves the changelog to Quix, which has a name of its own for it."""
    create_topics(job.broker, {job.events: job.partitions})


def _quix_rows(job: Job) -> Rows:
    """Returns the rows in Quix's changelog, whose keys are `user's key|name of the value in the state`."""
    changelogs = [name for name in topic_names(job.broker) if name.startswith(f"changelog__{job.group}--")]
    found = []
    for topic in changelogs:
        for record in consume(job.broker, topic, isolation="read_committed"):
            key, _, value_name = (record.key or b"").rpartition(b"|")
            if value_name in _TABLES:
                found.append((_TABLES[value_name], record._replace(key=key)))
    return last_rows(found)


SYSTEMS: Final = (
    System(name="rollcall", title="Rollcall", command=_rollcall, prepare=_rollcall_topics),
    System(name="faust", title="plain Faust", command=_faust),
    System(name="aiokafka", title="aiokafka loop", command=lambda job: _loop("aiokafka_loop", job)),
    System(name="confluent", title="confluent loop", command=lambda job: _loop("confluent_loop", job)),
    System(
        name="quix",
        title="Quix Streams",
        command=lambda job: _loop("quix", job, PEERS_PYTHON),
        missing=lambda: _missing_package("quixstreams"),
        prepare=_quix_topics,
        read_rows=_quix_rows,
    ),
    System(
        name="bytewax",
        title="Bytewax",
        shapes=("map",),
        command=lambda job: _loop("bytewax_map", job, PEERS_PYTHON),
        missing=lambda: _missing_package("bytewax"),
        position=position_by_output,
    ),
    System(
        name="streams",
        title="Kafka Streams",
        vendors=("selfcommunity",),
        command=lambda job: streams_command("at_least_once", job),
        missing=missing_for_streams,
    ),
    System(
        name="streams-eos",
        title="Kafka Streams, EOS",
        vendors=("selfcommunity",),
        command=lambda job: streams_command("exactly_once_v2", job),
        position=partial(position_by_commits, marks=1),
        missing=missing_for_streams,
    ),
)
