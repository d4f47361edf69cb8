"""Writes the first version of a vendor: its mapper, fixtures and page, its bodies, and entries in the lists
that name the vendors."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import app.vendors
import tests.tools.bench.bodies
import tests.tools.fuzz.allowed
from tests.vendors import fixtures

_TEMPLATES: Final = Path(__file__).parent / "templates"
_ROOT: Final = Path(__file__).parents[3]
_TITLE_AT_MOST: Final = 50
_NAME = re.compile(r"[a-z][a-z0-9]{1,30}")


class Refusal(Exception):
    """Nothing is written; the text is the reason."""


def write_skeleton(vendor: str, title: str) -> list[Path]:
    """Writes everything that can be written for a vendor of which only the name is known.

    Returns the paths, relative to the root of the repository. Raises Refusal, and writes nothing at all, if
    the name is unusable or if one of the files exists already.
    """
    if not _NAME.fullmatch(vendor):
        raise Refusal(f"a vendor's name has lower-case letters and digits, a letter first, not: {vendor}")
    if len(title) > _TITLE_AT_MOST:
        raise Refusal(f"a vendor's title has at most {_TITLE_AT_MOST} characters")
    names = {"acme": vendor, "Acme": title, "ACME": vendor.upper()}
    new = {target: _renamed(template.read_text("utf-8"), names) for target, template in _new(vendor).items()}
    for path in new:
        if path.exists():
            raise Refusal(f"{path.relative_to(_ROOT)} is there already, nothing is written")
    changed = _entries(vendor)
    for path, text in {**new, **changed}.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    _put_in_order([path for path in (*new, *changed) if path.suffix == ".py"])
    return [path.relative_to(_ROOT) for path in (*new, *changed)]


def _new(vendor: str) -> dict[Path, Path]:
    """Returns the templates by the paths of the files that are made of them."""
    folder = fixtures.ROOT / vendor
    return {
        _package(app.vendors) / f"{vendor}.py": _TEMPLATES / "mapper.py",
        _package(tests.tools.bench.bodies) / f"{vendor}.py": _TEMPLATES / "bodies.py",
        _ROOT / "docs/vendors" / f"{vendor}.md": _TEMPLATES / "page.md",
        **{folder / path.name: path for path in sorted((_TEMPLATES / "fixtures").iterdir())},
    }


def _entries(vendor: str) -> dict[Path, str]:
    """Returns the new texts of the files that list the vendors, with a line for this one."""
    registry = _package(app.vendors) / "__init__.py"
    bodies = _package(tests.tools.bench.bodies) / "__init__.py"
    allowed = Path(tests.tools.fuzz.allowed.__file__)
    constant = vendor.upper()
    return {
        registry: _with_import(
            _with_entry(registry, "    for vendor in (", "    )", f"        {constant},"),
            f"from app.vendors.{vendor} import {constant}",
        ),
        bodies: _with_import(
            _with_entry(bodies, "MIXES: ", "}", f'    "{vendor}": {vendor},'),
            f"from {tests.tools.bench.bodies.__name__}.{vendor} import {vendor}",
        ),
        allowed: _with_entry(allowed, "_ATTRIBUTES: ", "}", f'    "{vendor}": "tags",'),
    }


def _with_entry(path: Path, start: str, end: str, entry: str) -> str:
    """Returns the text of the file with one more line, before the line `end` of the list that begins with
    `start`."""
    lines = path.read_text("utf-8").splitlines()
    first = next((index for index, line in enumerate(lines) if line.startswith(start)), len(lines))
    for index in range(first, len(lines)):
        if lines[index] == end:
            return "\n".join([*lines[:index], entry, *lines[index:]]) + "\n"
    raise Refusal(f"{path.relative_to(_ROOT)}: no list that begins with `{start.strip()}`")


def _with_import(text: str, line: str) -> str:
    return re.sub(r"^from ", f"{line}\nfrom ", text, count=1, flags=re.MULTILINE)


def _renamed(text: str, names: dict[str, str]) -> str:
    return re.sub("|".join(names), lambda match: names[match[0]], text)


def _put_in_order(paths: list[Path]) -> None:
    """Sorts the imports and formats the files, because the order of imports and the length of lines depend on
    the vendor's name."""
    files = [str(path) for path in paths]
    for command in (["check", "--quiet", "--select", "I", "--fix"], ["format", "--quiet"]):
        subprocess.run([sys.executable, "-m", "ruff", *command, *files], check=True, cwd=_ROOT)


def _package(module: object) -> Path:
    return Path(str(getattr(module, "__file__", ""))).parent
