"""Story files: every way to write a message, and one clear line for each mistake."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from app.demo.compare import compare
from app.demo.story import Dies, Emits, Said, Skips, Story, StoryRecord
from app.demo.story_file import STORIES, InvalidStory, load_stories
from tests.demo.rehearsal import RECORDED, rehearse

_HEAD = """
tenant = "nordlys"
clock = "milliseconds"
second_act = "one"
highlight = "one"
headers = { tenant = "nordlys" }
"""
_MESSAGE = """
[[messages]]
text = "one"
key = "k"
"""
_ROWS = """
[[rows]]
sub = "u"
note = "a row"
"""
_SKIPPED = 'skip = "other_family"\n'


def _load(folder: Path, text: str) -> Story:
    (folder / "magine.toml").write_text(text, encoding="utf-8")
    (story,) = load_stories(folder)
    return story


def _message(folder: Path, lines: str, parts: str = "") -> StoryRecord:
    first, *_ = _load(folder, _HEAD + parts + _MESSAGE + lines + _ROWS + "user = {}").bodies
    return first


def _json(folder: Path, value: str, parts: str = "") -> Any:
    body = _message(folder, f"{_SKIPPED}json = {value}\n", parts)
    assert body.value is not None
    return json.loads(body.value)


def test_the_body_is_compact_json_in_the_order_of_the_file(tmp_path: Path) -> None:
    body = _message(tmp_path, _SKIPPED + 'json = { b = "ü", a = [1, 2.5, true], c.d = {} }\n')
    assert body.value == '{"b":"ü","a":[1,2.5,true],"c":{"d":{}}}'.encode()


def test_json_text_can_say_null_and_is_sent_compact(tmp_path: Path) -> None:
    body = _message(tmp_path, _SKIPPED + "json = '''\n{\"a\": null,\n \"b\": 1.0}'''\n")
    assert body.value == b'{"a":null,"b":1.0}'


def test_a_raw_body_is_sent_as_it_is(tmp_path: Path) -> None:
    body = _message(tmp_path, 'dead = "not_json"\nraw = "\\uFEFF{ \\"a\\" :"\n')
    assert body.value == b'\xef\xbb\xbf{ "a" :'


def test_a_tombstone_has_no_value(tmp_path: Path) -> None:
    assert _message(tmp_path, 'skip = "tombstone"\ntombstone = true\n').value is None


def test_headers_of_the_message_come_after_those_of_the_story(tmp_path: Path) -> None:
    body = _message(
        tmp_path, _SKIPPED + 'tombstone = true\nheaders = { webhook-id = "m", tenant = "other" }\n'
    )
    assert body.headers == (("tenant", b"other"), ("webhook-id", b"m"))


def test_each_outcome_can_be_expected(tmp_path: Path) -> None:
    emitted = 'events = [{ type = "user.created", sub = "u", effect = "stale" }]\n'
    assert _message(tmp_path, emitted + 'raw = ""\n').outcome == Emits((Said("user.created", "u", "stale"),))
    assert _message(tmp_path, 'skip = "ping"\nraw = ""\n').outcome == Skips("ping")
    assert _message(tmp_path, 'dead = "schema"\npath = "$.a"\nraw = ""\n').outcome == Dies("schema", "$.a")
    assert _message(tmp_path, 'dead = "too_large"\nraw = ""\n').outcome == Dies("too_large", "$")


def test_a_record_that_is_sent_again_changes_nothing_the_next_time(tmp_path: Path) -> None:
    events = '[{ type = "user.created", sub = "u" }, { type = "user.updated", sub = "v", effect = "stale" }]'
    lines = f'events = {events}\nraw = "x"\nagain = ["two", "three"]\n'
    story = _load(tmp_path, _HEAD + _MESSAGE + lines + _ROWS + "user = {}")
    first, second, third = story.bodies
    assert (first.repeats, second.repeats, third.repeats) == (False, True, True)
    assert (second.text, third.text) == ("two", "three")
    assert (second.key, second.value, second.headers) == (first.key, first.value, first.headers)
    assert second.outcome == third.outcome
    assert second.outcome == Emits(
        (Said("user.created", "u", "unchanged"), Said("user.updated", "v", "stale"))
    )
    assert (story.counts.received, story.counts.events, story.counts.distinct) == (3, 6, 2)


_PARTS = """
[parts]
base = '{"id": 0, "name": null, "more": {"a": 1, "b": 2}}'
[parts.ada]
"$like" = "base"
id = 41
more.b = 3
"""


def test_a_table_is_like_a_part_but_for_what_it_says_itself(tmp_path: Path) -> None:
    value = _json(
        tmp_path, '{ user = { "$like" = "ada", name = "Ada", extra = [{ "$like" = "base" }] } }', _PARTS
    )
    assert json.dumps(value["user"]) == (
        '{"id": 41, "name": "Ada", "more": {"a": 1, "b": 3},'
        ' "extra": [{"id": 0, "name": null, "more": {"a": 1, "b": 2}}]}'
    )


def test_a_text_is_repeated_so_often(tmp_path: Path) -> None:
    value = _json(
        tmp_path,
        '{ a = { "$repeat" = "xy", times = 1_000 }, b = { "$repeat" = "A", times = 2, after = "d:" } }',
    )
    assert value == {"a": "xy" * 1_000, "b": "d:AA"}


@pytest.mark.parametrize(
    ("clock", "number"),
    [("seconds", "1748858400.5"), ("milliseconds", "1748858400500")],
)
def test_a_time_is_the_number_that_the_vendors_clock_shows(tmp_path: Path, clock: str, number: str) -> None:
    head = _HEAD.replace("milliseconds", clock)
    lines = _SKIPPED + "json = { at = 2025-06-02T12:00:00.5+02:00 }\n"
    rows = _ROWS + "user.as_of = 2025-06-02T10:00:00.5Z\nloyalty.points.as_of = 2025-06-02T10:00:00Z\n"
    story = _load(tmp_path, head + _MESSAGE + lines + rows)
    assert story.bodies[0].value == f'{{"at":{number}}}'.encode()
    assert story.rows[0].user == {"as_of": 1_748_858_400_500_000}
    assert story.rows[0].loyalty == {"points": {"as_of": 1_748_858_400_000_000}}


def test_the_tenant_is_a_setting_only_if_the_story_says_so(tmp_path: Path) -> None:
    rest = _MESSAGE + _SKIPPED + 'raw = ""\n' + _ROWS + "user = {}\n"
    assert _load(tmp_path, _HEAD + rest).tenant_setting == ""
    assert _load(tmp_path, "tenant_setting = true\n" + _HEAD + rest).tenant_setting == "nordlys"
    assert _load(tmp_path, _HEAD + rest).key_prefix == "magine/nordlys/"


_ONE = "message 1 ('one')"


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        ('skip = "ping"\n', f"{_ONE}: expected exactly one of json, raw, tombstone"),
        (
            'skip = "ping"\nraw = ""\ntombstone = true\n',
            f"{_ONE}: expected exactly one of json, raw, tombstone",
        ),
        ('raw = ""\n', f"{_ONE}: expected exactly one of events, skip, dead"),
        ('raw = ""\nskip = "ping"\ndead = "schema"\n', f"{_ONE}: expected exactly one of events, skip, dead"),
        ('raw = ""\nskip = "ping"\npath = "$"\n', f"{_ONE}, path: only a dead message has one"),
        ('raw = ""\nevents = []\n', f"{_ONE}, events: expected at least one event"),
        ('raw = ""\nskip = "bored"\n', f"{_ONE}, skip: Invalid enum value 'bored'"),
        ('raw = ""\nevents = [{ sub = "u" }]\n', f"{_ONE}, events[0]: Object missing required field `type`"),
        ('raw = ""\nskip = "ping"\nhaeders = {}\n', f"{_ONE}: Object contains unknown field `haeders`"),
        (
            'raw = ""\nskip = "ping"\nagain = ["one"]\n',
            "$.messages: more than one message has the text 'one'",
        ),
        (
            _SKIPPED + 'json = "["\n',
            f"{_ONE}, json: expected JSON: Expecting value: line 1 column 2 (char 1)",
        ),
        (_SKIPPED + 'json = "[]"\n', f"{_ONE}, json: expected a JSON object"),
        (
            _SKIPPED + 'json = \'{"a": "\\ud83d"}\'\n',
            f"{_ONE}, json: half a surrogate pair: write the body as raw",
        ),
        (
            _SKIPPED + 'json = { a = [{ "$like" = "ad" }] }\n',
            f"{_ONE}, json.a[0]: $like: no part has the name 'ad'",
        ),
        (_SKIPPED + 'json = { "$like" = 1 }\n', f"{_ONE}, json: $like: no part has the name 1"),
        (
            _SKIPPED + 'json = { "$like" = "loop" }\n',
            "$.parts.loop.inner: $like: the part 'loop' is like itself",
        ),
        (
            _SKIPPED + 'json = { a = { "$repeat" = "x" } }\n',
            f"{_ONE}, json.a: expected $repeat (text), times (a whole number) and, optional, after (text)",
        ),
        (
            _SKIPPED + "json = { at = 2025-06-02T10:00:00 }\n",
            f"{_ONE}, json.at: expected a date and a time with an offset, or the time as text",
        ),
        (
            _SKIPPED + "json = { at = 10:00:00 }\n",
            f"{_ONE}, json.at: expected a date and a time with an offset, or the time as text",
        ),
    ],
)
def test_a_mistake_is_one_line_that_names_the_place(tmp_path: Path, lines: str, error: str) -> None:
    with pytest.raises(InvalidStory) as caught:
        _message(tmp_path, lines, '[parts.loop.inner]\n"$like" = "loop"\n')
    assert str(caught.value) == f"story magine.toml, {error}"


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("\ntenant = ", "\ntennant = ", "$: Object contains unknown field `tennant`"),
        ('second_act = "one"', 'second_act = "two"', "$.second_act: no message has the text 'two'"),
        ('highlight = "one"', 'highlight = "two"', "$.highlight: no message has the text 'two'"),
        (
            'clock = "milliseconds"\n',
            "",
            f"{_ONE}, json.at: the story names no clock: write the time as text",
        ),
        (
            "user = {}",
            'user = {}\nloyalty = "none"',
            "row 1 ('u'), loyalty: expected a table or 'a tombstone'",
        ),
        ('note = "a row"\n', "", "row 1 ('u'): Object missing required field `note`"),
    ],
)
def test_so_is_a_mistake_elsewhere_in_the_file(tmp_path: Path, old: str, new: str, error: str) -> None:
    text = _HEAD + _MESSAGE + _SKIPPED + "json = { at = 2025-06-02T10:00:00Z }\n" + _ROWS + "user = {}"
    assert text.count(old) == 1
    with pytest.raises(InvalidStory) as caught:
        _load(tmp_path, text.replace(old, new))
    assert str(caught.value) == f"story magine.toml, {error}"


def test_a_file_that_is_no_toml_is_named_with_line_and_column(tmp_path: Path) -> None:
    with pytest.raises(InvalidStory, match=r"^story magine\.toml: .*\(at line 2, column 8\)$"):
        _load(tmp_path, '\nbroken "\n')


def test_a_file_of_no_vendor_is_refused(tmp_path: Path) -> None:
    (tmp_path / "acme.toml").touch()
    with pytest.raises(
        InvalidStory, match=r"^story acme\.toml: expected the name of a vendor: selfcommunity, "
    ):
        load_stories(tmp_path)


def test_the_message_of_the_readme_is_a_message(tmp_path: Path) -> None:
    readme = (STORIES / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", readme, re.DOTALL)
    told = (STORIES / "magine.toml").read_text(encoding="utf-8")
    before, after = told.split("[[rows]]", 1)
    story = _load(tmp_path, f"{before}{example}\n[[rows]]{after}")
    assert story.counts.received == len(load_stories()[2].bodies) + 2
    sent, seen = rehearse((story,))
    assert [check for check in compare((story,), sent, seen, RECORDED) if not check.ok] == []
