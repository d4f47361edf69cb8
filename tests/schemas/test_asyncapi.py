"""The AsyncAPI document has every topic of the settings, and its examples are valid."""

import json
from typing import Any, Final

import pytest
from jsonschema import Draft7Validator

from app.canonical import EVENT_TYPES
from app.schemas.asyncapi import asyncapi_document
from app.schemas.body_schema import event_names
from app.settings import Settings
from app.topics import expected_topics
from app.vendors import VENDORS
from tests.docs.schema_files import FOLDER, schema_files

Json = dict[str, Any]

SETTINGS: Final = Settings()


@pytest.fixture(scope="module")
def document() -> Json:
    """The document with its examples, as it is in docs/schemas."""
    made: Json = json.loads(schema_files()[FOLDER / "asyncapi.json"])
    return made


def problems_of(document: Json, schema: Json, value: Any) -> list[str]:
    """Returns where the value breaks the schema, which may refer to others of the document. AsyncAPI's
    dialect is a superset of this draft."""
    whole = {**schema, "components": document["components"]}
    return [error.json_path for error in Draft7Validator(whole).iter_errors(value)]


def examples(document: Json) -> list[tuple[str, Json, Json]]:
    messages = document["components"]["messages"]
    return [(name, message, each) for name, message in messages.items() for each in message["examples"]]


def test_every_message_has_valid_examples(document: Json) -> None:
    found = examples(document)
    for name, message, example in found:
        assert problems_of(document, message["payload"], example["payload"]) == [], (name, example["name"])
        headers = example.get("headers", {})
        assert problems_of(document, message["headers"], headers) == [], (name, example["name"])
    assert len({example["name"] for _, _, example in found}) > 20


def test_a_wrong_example_would_be_found(document: Json) -> None:
    for name, message, example in examples(document):
        if name not in ("dead-letter", "users-tombstone", "loyalty-tombstone"):
            assert problems_of(
                document, message["payload"], {**example["payload"], "type": 5, "event": 5}
            ) or (problems_of(document, message["payload"], {}))


def test_an_example_is_of_one_message_of_its_topic(document: Json) -> None:
    """A consumer tells by the record which message it is."""
    messages = document["components"]["messages"]
    for channel in document["channels"].values():
        for name in channel["messages"]:
            for example in messages[name]["examples"]:
                fitting = [
                    other
                    for other in channel["messages"]
                    if not problems_of(document, messages[other]["payload"], example["payload"])
                ]
                assert fitting == [name]


def test_every_type_of_event_and_every_event_of_a_vendor_has_an_example(document: Json) -> None:
    found = examples(document)
    assert [each["payload"]["type"] for name, _, each in found if name == "event"] == list(EVENT_TYPES)
    known = {name for name, _, _ in found}
    for vendor in VENDORS.values():
        named = {f"{vendor.name}-{name}" for _, name in event_names(vendor)}
        assert {name for name in known if name.startswith(f"{vendor.name}-")} == (
            named or {f"{vendor.name}-body"}
        )
    fynd = [each["payload"] for name, _, each in found if name == "fynd-body"]
    assert [(it.get("event") or it["meta"]["event"])["type"] for it in fynd] == ["update", "create", "delete"]


def test_every_topic_is_a_channel_with_its_settings() -> None:
    settings = Settings(topic_events="crm.users", app_id="crm", partitions_events=12, vendors="magine,fynd")
    channels = asyncapi_document(settings)["channels"]
    bindings = {channel["address"]: channel["bindings"]["kafka"] for channel in channels.values()}
    assert list(bindings) == [topic.name for topic in expected_topics(settings)]
    assert set(channels) == {
        "magine",
        "fynd",
        "events",
        "dead-letters",
        "users-changelog",
        "loyalty-changelog",
    }
    assert bindings["crm.users"]["partitions"] == 12
    assert bindings["crm.users"]["topicConfiguration"]["cleanup.policy"] == ["delete"]
    assert bindings["crm.users"]["topicConfiguration"]["retention.ms"] == 30 * 86_400_000
    assert bindings["crm-users-changelog"]["topicConfiguration"]["cleanup.policy"] == ["compact"]


def test_a_worker_receives_and_sends_what_its_rights_say() -> None:
    operations = asyncapi_document(SETTINGS)["operations"]
    by_action = {
        action: {
            it["channel"]["$ref"].rpartition("/")[2] for it in operations.values() if it["action"] == action
        }
        for action in ("send", "receive")
    }
    own = {"events", "users-changelog", "loyalty-changelog"}
    assert by_action == {"send": {*own, "dead-letters"}, "receive": {*own, *VENDORS}}
    group = operations["receive-events"]["bindings"]["kafka"]["groupId"]
    assert group["enum"] == [SETTINGS.app_id]


def test_every_reference_leads_somewhere(document: Json) -> None:
    text = json.dumps(document)
    assert "$defs" not in text
    assert set(_references(document)) <= {f"#/{'/'.join(path)}" for path in _paths(document)}


def _references(value: Any) -> list[str]:
    if isinstance(value, list):
        return [found for each in value for found in _references(each)]
    if not isinstance(value, dict):
        return []
    own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
    return own + [found for each in value.values() for found in _references(each)]


def _paths(document: Json) -> list[tuple[str, ...]]:
    parts = document["components"]
    found = [("components", kind, name) for kind in parts for name in parts[kind]]
    return [*found, *(("channels", name) for name in document["channels"])]
