"""Another version of Rollcall on this machine: its files, from a git revision or a wheel, and its mapping as
a process of its own."""

import asyncio
import hashlib
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec

from app.errors import CommandFailed
from app.tools.mappings.mapping_process import MappingReady, MappingTask, OutcomeText, WireRecord

_PROGRAM: Final = Path(__file__).with_name("mapping_process.py")
_LENGTH_BYTES: Final = 4
_outcomes: Final = msgspec.msgpack.Decoder(list[OutcomeText])


def version_folder(against: str, repository: Path, cache: Path) -> Path:
    """Returns a folder that has the package `app` of a wheel, or of a revision of a git repository. It is
    made once, below `cache`, and its path is absolute.

    Raises CommandFailed if there is no such file or revision, or if it has no such package.
    """
    if against.endswith(".whl"):
        wheel = Path(against)
        try:
            content = wheel.read_bytes()
        except OSError as error:
            raise CommandFailed(f"{against} cannot be read: {error.strerror}") from None
        name = f"wheel-{hashlib.sha256(content).hexdigest()[:40]}"
        return _kept(cache.absolute() / name, lambda folder: _unzip(wheel, folder))
    commit = _git(repository, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{against}^{{commit}}")
    if commit is None:
        raise CommandFailed(f"{against} is no wheel, and no revision of the repository {repository}")
    return _kept(
        cache.absolute() / f"commit-{commit.decode().strip()}",
        lambda folder: _untar(_git(repository, "archive", commit.decode().strip(), "app"), folder),
    )


def default_cache() -> Path:
    """Returns the folder for files that can be made again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rollcall" / "versions"


def _git(repository: Path, *arguments: str) -> bytes | None:
    """Returns the output, None if git refuses."""
    try:
        done = subprocess.run(  # noqa: S603 - arguments of git alone
            ["git", "-C", repository, *arguments],  # noqa: S607 - the user's own git
            capture_output=True,
            check=False,
        )
    except OSError:
        raise CommandFailed("the program git is missing: name a wheel") from None
    return None if done.returncode else done.stdout


def _kept(folder: Path, fill: Callable[[Path], None]) -> Path:
    """Returns the folder. If it is missing, it appears whole, and not before it is filled."""
    if not folder.exists():
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder.parent) as fresh:
                fill(Path(fresh, "new"))
                if not Path(fresh, "new", "app", "vendors").is_dir():
                    raise CommandFailed("the other version has no folder app/vendors")
                # Another command may have made the folder meanwhile; it is the same.
                with suppress(FileExistsError):
                    Path(fresh, "new").rename(folder)
        except OSError as error:
            raise CommandFailed(f"{folder.parent} cannot be written: {error.strerror}") from None
    return folder


def _untar(archive: bytes | None, folder: Path) -> None:
    if archive is not None:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(folder, filter="data")


def _unzip(wheel: Path, folder: Path) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if name.startswith("app/"):
                    archive.extract(name, folder)
    except zipfile.BadZipFile:
        raise CommandFailed(f"{wheel} is no wheel") from None


class OtherMapping:
    """The mapping of another version."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def map(self, records: Sequence[WireRecord]) -> list[OutcomeText]:
        """Returns the outcomes in the order of the records. Raises CommandFailed if the process ends."""
        return _outcomes.decode(await self.ask(msgspec.msgpack.encode(records)))

    async def ask(self, frame: bytes) -> bytes:
        """Returns the frame that answers a frame."""
        target, source = self._process.stdin, self._process.stdout
        assert target is not None
        assert source is not None
        try:
            target.write(len(frame).to_bytes(_LENGTH_BYTES) + frame)
            await target.drain()
            length = int.from_bytes(await source.readexactly(_LENGTH_BYTES))
            return await source.readexactly(length)
        except (OSError, asyncio.IncompleteReadError):
            raise CommandFailed("the process of the other version has ended") from None


@asynccontextmanager
async def other_mapping(folder: Path, task: MappingTask, python: str = "") -> AsyncIterator[OtherMapping]:
    """Runs the mapping of a folder of `version_folder` while the block runs.

    `python`: the Python that runs it, "" for this one: another one has other versions of the libraries.
    Raises CommandFailed if this version cannot map the vendor's records.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    try:
        process = await asyncio.create_subprocess_exec(
            python or sys.executable,
            "-P",
            str(_PROGRAM),
            env={**environment, "PYTHONPATH": str(folder)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError as error:
        raise CommandFailed(f"{python} cannot be run: {error.strerror}") from None
    try:
        other = OtherMapping(process)
        ready = msgspec.msgpack.decode(await other.ask(msgspec.msgpack.encode(task)), type=MappingReady)
        if ready.problem:
            raise CommandFailed(f"the other version cannot map records of {task.vendor}: {ready.problem}")
        if not Path(ready.path).is_relative_to(folder):
            raise CommandFailed(
                f"{python or sys.executable} runs the mapping of {ready.path}, not the other one"
            )
        yield other
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
