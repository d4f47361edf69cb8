"""The settings of the demo's worker, and the commands that it shows with them."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from app.demo.keep import how_to_look
from app.demo.names import worker_settings
from app.demo.stage import Stage
from app.demo.story_file import load_stories
from app.environment import load
from app.topics import expected_topics

STORIES = load_stories()


def settings_for(*vendors: str, broker: str | None = "127.0.0.1:1") -> dict[str, str]:
    stories = tuple(story for story in STORIES if story.vendor in vendors)
    return worker_settings({"BROKER_URL": "127.0.0.1:2"}, stories, broker=broker, port=1)


@pytest.mark.parametrize("broker", ["127.0.0.1:1", None])
def test_only_the_topics_of_the_stories_are_made(broker: str | None) -> None:
    every = [story.vendor for story in STORIES]
    assert "VENDORS" not in settings_for(*every, broker=broker)
    assert len(expected_topics(load(settings_for(*every, broker=broker)))) == len(every) + 4
    few = load(settings_for("magine", "fynd", broker=broker))
    assert few.vendor_names == ("fynd", "magine")
    assert len(expected_topics(few)) == 6


@pytest.mark.parametrize(("vendors", "told"), [(("magine", "fynd"), True), (("fynd",), False)])
def test_nobody_is_told_to_write_to_a_topic_that_is_not_read(vendors: tuple[str, ...], told: bool) -> None:
    environment = settings_for(*vendors)
    worker = SimpleNamespace(log=Path("worker.log"))
    text = how_to_look(Stage(load(environment), environment, worker))  # type: ignore[arg-type]
    assert ("An event of your own" in text) is told
    assert f"VENDORS={environment['VENDORS']} " in text
