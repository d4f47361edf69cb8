"""The README is short, and the status that it gives is that of the package."""

from app.embedded_kafka import KAFKA_VERSION
from tests.deploy.repository import named_pythons, text_of

README = text_of("README.md")


def status(name: str) -> str:
    (row,) = [line for line in README.splitlines() if line.startswith(f"| {name} |")]
    return row.split("|")[2].strip()


def test_it_is_one_page() -> None:
    assert len(README.splitlines()) <= 200


def test_it_names_the_pythons_of_the_package() -> None:
    *others, newest = named_pythons()
    assert status("Python").startswith(f"{', '.join(others)} and {newest};")


def test_it_names_the_kafka_that_the_tests_run_on() -> None:
    assert f"runs on {KAFKA_VERSION}." in status("Kafka")
