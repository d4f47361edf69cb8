"""The hooks of pre-commit run what `make check` runs, with the same versions of the tools."""

from pathlib import Path

from tests.deploy.repository import make, yaml_of


def test_the_hooks_run_what_make_check_runs(tmp_path: Path) -> None:
    (repository,) = yaml_of(".pre-commit-config.yaml")["repos"]
    # A hook of another repository would have its own version of a tool, which could differ after a while.
    assert repository["repo"] == "local"
    hooks = repository["hooks"]
    shown = make(tmp_path, "--dry-run", "--assume-old=.venv/.installed", "check")
    assert shown.returncode == 0, shown.stderr
    assert [hook["entry"] for hook in hooks] == shown.stdout.splitlines()
    assert {hook["language"] for hook in hooks} == {"system"}
    # Otherwise ruff and mypy would check only the files of a commit, and not those that the settings name.
    assert not any(hook["pass_filenames"] for hook in hooks)
