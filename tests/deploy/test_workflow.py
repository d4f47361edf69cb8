"""The hosted workflow runs what `.ci/run` runs, on all Python versions, with no more rights than it needs."""

import re
from typing import Any

from app.embedded_kafka import KAFKA_VERSION
from tests.deploy.repository import named_pythons, text_of, yaml_of
from tests.tools.bench.limits import read_limits

Job = dict[str, Any]


def _workflow() -> dict[str, Any]:
    workflow: dict[str, Any] = yaml_of(".github/workflows/tests.yml")
    return workflow


def _jobs() -> dict[str, Job]:
    jobs: dict[str, Job] = _workflow()["jobs"]
    return jobs


def _runs(job: Job) -> list[str]:
    return [step["run"] for step in job["steps"] if "run" in step]


def _uses(job: Job, action: str) -> dict[str, Any]:
    (step,) = [step for step in job["steps"] if step.get("uses", "").startswith(f"{action}@")]
    inputs: dict[str, Any] = step.get("with", {})
    return inputs


def test_it_checks_tests_each_python_and_everything_on_one() -> None:
    jobs = _jobs()
    assert set(jobs) == {"lint", "speed", "unit", "all", "deploy"}
    assert _runs(jobs["unit"]) == ["make unit PYTHON=python${{ matrix.python }} THOROUGH=1"]
    assert jobs["unit"]["strategy"]["matrix"]["python"] == named_pythons()
    # If the tests fail on one Python, the results of the others are still wanted.
    assert jobs["unit"]["strategy"]["fail-fast"] is False
    for name, target in (("lint", "check"), ("all", "test"), ("deploy", "test-deploy")):
        *_, run = _runs(jobs[name])
        one = re.fullmatch(rf"make {target} PYTHON=python(3\.\d+)( RERUNS=1| EVERY_TOOL=1)?", run)
        assert one
        assert one[1] in named_pythons()
        assert _uses(jobs[name], "actions/setup-python")["python-version"] == one[1]


def test_what_is_deployed_is_looked_at_with_the_same_programs_everywhere() -> None:
    install, run = _runs(_jobs()["deploy"])
    (packages,) = re.findall(r'^PACKAGES="(.*)"$', text_of(".ci/run"), re.MULTILINE)
    assert install.endswith(f"apt-get install -qq --no-install-recommends {packages}")
    # There a program that is missing is a failure, so that no test is skipped for ever.
    assert run.endswith(" EVERY_TOOL=1")
    assert "\nmake test-deploy RERUNS=1\n" in text_of(".ci/run")


def test_the_core_may_not_become_slower_than_its_limits_with_a_margin_for_another_machine() -> None:
    job, limits = _jobs()["speed"], read_limits()
    (run,) = _runs(job)
    one = re.fullmatch(r'make bench-check PYTHON=python(3\.\d+) ARGS="--margin (\S+)"', run)
    assert one
    assert one[1] == limits.python == _uses(job, "actions/setup-python")["python-version"]
    assert float(one[2]) > limits.margin


def test_a_newer_commit_of_a_pull_request_ends_the_run_of_the_older_one() -> None:
    concurrency = _workflow()["concurrency"]
    assert "${{ github.ref }}" in concurrency["group"]
    assert concurrency["cancel-in-progress"] == "${{ github.event_name == 'pull_request' }}"


def test_it_may_only_read() -> None:
    assert _workflow()["permissions"] == {"contents": "read"}
    for job in _jobs().values():
        assert "permissions" not in job
        assert _uses(job, "actions/checkout")["persist-credentials"] is False


def test_no_job_runs_for_ever() -> None:
    assert all(job["timeout-minutes"] <= 60 for job in _jobs().values())


def test_kafkas_jars_are_kept_until_kafkas_version_changes() -> None:
    cache = _uses(_jobs()["all"], "actions/cache")
    assert _uses(_jobs()["deploy"], "actions/cache") == cache
    assert cache["path"].split() == ["~/.m2/repository", "~/.cache/jgo"]
    of = re.fullmatch(r"kafka-\$\{\{ runner\.os \}\}-\$\{\{ hashFiles\('(\S+)'\) \}\}", cache["key"])
    assert of
    assert f'KAFKA_VERSION = "{KAFKA_VERSION}"' in text_of(of[1])
