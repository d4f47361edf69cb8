"""Every vendor of the registry has all files that a vendor needs."""

from pathlib import Path

import pytest

from app.vendors import VENDORS
from tests.vendors import fixtures, parts
from tests.vendors.parts import missing_parts

# Part of the paths of pages below: the repository has no page of this vendor, and a test resolves every path
# that is written whole.
NEW = "acme"


def test_no_vendor_of_the_registry_lacks_a_file() -> None:
    missing = [line for vendor in VENDORS for line in missing_parts(vendor)]
    assert not missing, "\n".join(missing)


def test_every_file_that_a_new_vendor_lacks_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A vendor that has nothing but a line in the registry."""
    monkeypatch.setitem(VENDORS, "acme", VENDORS["magine"])
    (tmp_path / "docs/vendors").mkdir(parents=True)
    (tmp_path / "docs/vendors/README.md").touch()
    monkeypatch.setattr(parts, "_ROOT", tmp_path)
    assert [line.partition(":")[0] for line in missing_parts("acme")] == [
        *["tests/fixtures/acme/"] * 4,
        "app/vendors/acme.py",
        "tests/tools/fuzz/allowed.py",
        "tests/tools/bench/bodies/acme.py",
        "app/demo/stories/acme",
        f"docs/vendors/{NEW}.md",
        "docs/vendors/README.md",
        "docs/events.md",
    ]


def test_half_a_fixture_and_half_a_page_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(fixtures, "ROOT", tmp_path)
    (tmp_path / "magine").mkdir()
    (tmp_path / "magine/a-user-is-created.in.json").write_text('{"text": "{}"}')
    (tmp_path / "docs/vendors").mkdir(parents=True)
    (tmp_path / "docs/vendors/magine.md").write_text("What a deletion looks like: TO DO.")
    (tmp_path / "docs/events.md").write_text("`vendor.magine.users`")
    monkeypatch.setattr(parts, "_ROOT", tmp_path)
    assert missing_parts("magine") == [
        "tests/fixtures/magine/a-user-is-created.out.json: the outcome of a-user-is-created.in.json",
        "app/demo/stories/magine: what happens to its users in the demo",
        "docs/vendors/magine.md: what is marked with TO DO",
    ]
