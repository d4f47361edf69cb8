"""The stories are written by hand: they do not contradict themselves, and they show every case that there
is."""

import re

import pytest

from app.canonical import EVENT_TYPES
from app.demo.compare import said_in
from app.demo.story import Counts, Dies, Emits, Skips, Story
from app.demo.story_file import load_stories
from app.outcome import DEAD_REASONS, SKIP_REASONS
from app.state import EFFECTS
from app.vendors import VENDORS

STORIES = load_stories()

each_story = pytest.mark.parametrize("story", STORIES, ids=lambda story: story.vendor)


COUNTS = {
    "selfcommunity": Counts(received=22, emitted=15, skipped=2, dead=5, events=15, distinct=14),
    "fynd": Counts(received=21, emitted=12, skipped=4, dead=5, events=13, distinct=12),
    "magine": Counts(received=18, emitted=11, skipped=2, dead=5, events=11, distinct=10),
    "rocketchat": Counts(received=19, emitted=12, skipped=2, dead=5, events=12, distinct=11),
    "amity": Counts(received=23, emitted=14, skipped=4, dead=5, events=15, distinct=14),
}


def test_each_vendor_has_a_story_that_adds_up() -> None:
    assert {story.vendor: story.counts for story in STORIES} == COUNTS
    assert list(COUNTS) == list(VENDORS)


@each_story
def test_everybody_who_is_spoken_of_has_a_row(story: Story) -> None:
    assert {said.sub for said in said_in(story)} == {rows.sub for rows in story.rows}


@each_story
def test_texts_name_bodies(story: Story) -> None:
    texts = [body.text for body in story.bodies]
    assert len(set(texts)) == len(texts)
    assert {story.second_act, story.highlight} <= set(texts)


@each_story
def test_every_reason_that_a_body_can_cause_kills_one(story: Story) -> None:
    reasons = {body.outcome.reason for body in story.bodies if isinstance(body.outcome, Dies)}
    assert reasons == set(DEAD_REASONS) - {"mapper_error"}


@each_story
def test_each_has_a_retry_an_update_out_of_order_and_a_deletion_that_stands(story: Story) -> None:
    assert any(body.repeats for body in story.bodies)
    said = list(said_in(story))
    assert set(EFFECTS) <= {each.effect for each in said}
    assert "user.deleted" in {each.type for each in said}


@each_story
def test_users_of_a_record_have_its_key_throughout(story: Story) -> None:
    # Records with different keys have no order, so the effects would differ from run to run.
    keys: dict[str, set[str]] = {}
    for body in story.bodies:
        if isinstance(body.outcome, Emits):
            for said in body.outcome.events:
                keys.setdefault(said.sub, set()).add(body.key)
    assert [sub for sub, used in keys.items() if len(used) > 1] == []


def test_nothing_that_the_contract_names_is_missing() -> None:
    assert {said.type for story in STORIES for said in said_in(story)} == set(EVENT_TYPES)
    skips = {
        body.outcome.reason for story in STORIES for body in story.bodies if isinstance(body.outcome, Skips)
    }
    assert skips == set(SKIP_REASONS)


def test_nobody_is_real() -> None:
    bodies = b"\n".join(body.value or b"" for story in STORIES for body in story.bodies)
    addresses = re.findall(rb"@([\w.-]+)", bodies)
    assert set(addresses) == {b"example.com"}
    assert set(re.findall(rb"https?://([\w.-]+)", bodies)) == {b"cdn.example.com"}
