"""The AsyncAPI 3 document: which topics there are, what a record on each holds, who reads and writes it.

Its schemas are the documents of this package, moved to `components/schemas`. AsyncAPI has a dialect of its
own, with all of their keywords but `$schema`, `$id` and `$defs`.
"""

from typing import Any, Final

from app import __version__
from app.schemas.body_schema import body_schema, event_names
from app.schemas.event_schema import event_schema
from app.schemas.header_schemas import (
    dead_letter_headers_schema,
    event_headers_schema,
    row_headers_schema,
    vendor_headers_schema,
)
from app.schemas.row_schemas import deletion_marker_schema, loyalty_row_schema, user_row_schema
from app.schemas.struct_schema import DEFINITIONS, Json
from app.settings import Settings
from app.topics import Role, TopicSpec, expected_topics
from app.vendors import VENDORS, Vendor

_ASYNCAPI: Final = "3.1.0"
_BINDING: Final = "0.5.0"
_SCHEMAS: Final = "#/components/schemas/"
_KEY: Final[Json] = {"type": "string", "description": "vendor/tenant/user id, as `partitionkey` of the event"}
_ANY_KEY: Final[Json] = {"description": "anything, or nothing"}
_TOMBSTONE: Final = "There is no row of this key any more."
_JSON: Final = "application/json"
_CHANNEL_TEXTS: Final[dict[Role, str]] = {
    "vendor": "The bodies of {}, byte for byte as the vendor sent them.",
    "canonical": "The canonical events of all vendors.",
    "dead_letter": "Records that cannot be used, with the reason in their headers.",
    "changelog": "The rows of the table {}: a compacted topic.",
}


def asyncapi_document(settings: Settings) -> Json:
    """Returns the whole document, with the topics as the settings have them and without examples."""
    document = _Document(settings)
    for topic in expected_topics(settings):
        document.add_channel(topic)
    return document.made()


class _Document:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._channels: Json = {}
        self._operations: Json = {}
        self._messages: Json = {}
        self._schemas: Json = {}

    def made(self) -> Json:
        info = {
            "title": "Rollcall",
            "version": __version__,
            "description": (
                "User events of several vendors in, one canonical event stream and two tables out. Operations"
                " are those of a worker: it receives what others may send, and sends what others may receive."
            ),
            "license": {"name": "Apache-2.0"},
        }
        return {
            "asyncapi": _ASYNCAPI,
            "info": info,
            "defaultContentType": _JSON,
            "channels": self._channels,
            "operations": self._operations,
            "components": {"messages": self._messages, "schemas": self._schemas},
        }

    def add_channel(self, topic: TopicSpec) -> None:
        """Adds a topic with its messages and operations."""
        name, subject, messages = self._content(topic)
        self._messages |= messages
        self._channels[name] = {
            "address": topic.name,
            "description": _CHANNEL_TEXTS[topic.role].format(subject),
            "messages": {each: {"$ref": f"#/components/messages/{each}"} for each in messages},
            "bindings": {"kafka": _topic_binding(topic, self._settings.replication_factor)},
        }
        if topic.role != "dead_letter":
            self._add_operation("receive", name)
        if topic.role != "vendor":
            self._add_operation("send", name)

    def _add_operation(self, action: str, channel: str) -> None:
        operation: Json = {"action": action, "channel": {"$ref": f"#/channels/{channel}"}}
        if action == "receive":
            group = {"type": "string", "enum": [self._settings.app_id]}
            operation["bindings"] = {"kafka": {"groupId": group, "bindingVersion": _BINDING}}
        self._operations[f"{action}-{channel}"] = operation

    def _content(self, topic: TopicSpec) -> tuple[str, str, Json]:
        """Returns the channel's name, what it is about, and its messages by name."""
        users, _ = self._settings.changelogs
        match topic.role:
            case "vendor":
                vendor = next(it for it in VENDORS.values() if self._settings.topic_of(it.name) == topic.name)
                return vendor.name, vendor.title, self._bodies(vendor)
            case "canonical":
                return "events", "", {"event": self._event()}
            case "dead_letter":
                return "dead-letters", "", {"dead-letter": self._dead_letter()}
            case "changelog":
                table = "users" if topic.name == users else "loyalty"
                return f"{table}-changelog", table, self._rows(table)

    def _bodies(self, vendor: Vendor) -> Json:
        headers, whole = (
            vendor_headers_schema(vendor),
            self._component(f"{vendor.name}-body", body_schema(vendor)),
        )
        each = {name: _of_event(whole, member, name) for member, name in event_names(vendor)}
        return {
            f"{vendor.name}-{name}": _message(f"{name} of {vendor.title}", headers, payload, _ANY_KEY)
            for name, payload in (each or {"body": whole}).items()
        }

    def _event(self) -> Json:
        payload = self._component("event", event_schema())
        message = _message("A canonical event", event_headers_schema(), payload, _KEY)
        return {**message, "contentType": "application/cloudevents+json"}

    def _dead_letter(self) -> Json:
        headers = self._component("dead-letter-headers", dead_letter_headers_schema())
        payload = {"description": "The value of the original, which need not be JSON."}
        message = _message("A dead letter", headers, payload, {"description": "The key of the original."})
        return {**message, "contentType": "application/octet-stream"}

    def _rows(self, table: str) -> Json:
        rows = (
            {"user-row": user_row_schema(), "deletion-marker": deletion_marker_schema()}
            if table == "users"
            else {"loyalty-row": loyalty_row_schema()}
        )
        headers = row_headers_schema()
        messages = {
            name: _message(schema["title"], headers, self._component(name, schema), _KEY)
            for name, schema in rows.items()
        }
        tombstone = {"type": "null", "description": _TOMBSTONE}
        return {**messages, f"{table}-tombstone": _message("A tombstone", headers, tombstone, _KEY)}

    def _component(self, name: str, schema: Json) -> Json:
        """Adds a schema document and what it defines, and returns a reference to it."""
        for inner, definition in schema.get("$defs", {}).items():
            self._schemas[f"{name}.{inner}"] = _moved(definition, name)
        self._schemas[name] = _moved(
            {
                keyword: value
                for keyword, value in schema.items()
                if keyword not in ("$schema", "$id", "$defs")
            },
            name,
        )
        return {"$ref": f"{_SCHEMAS}{name}"}


def _message(title: str, headers: Json, payload: Json, key: Json) -> Json:
    return {
        "title": title,
        "headers": headers,
        "payload": payload,
        "bindings": {"kafka": {"key": key, "bindingVersion": _BINDING}},
    }


def _of_event(whole: Json, member: str, name: str) -> Json:
    """Returns the schema of the bodies of one event of a vendor."""
    return {
        "allOf": [whole, {"type": "object", "properties": {member: {"const": name}}, "required": [member]}]
    }


def _topic_binding(topic: TopicSpec, replicas: int) -> Json:
    numbers = {name: int(text) for name, text in topic.configs.items() if name in _KNOWN_CONFIGS}
    return {
        "topic": topic.name,
        "partitions": topic.partitions,
        "replicas": replicas,
        "topicConfiguration": {"cleanup.policy": [topic.cleanup], **numbers},
        "bindingVersion": _BINDING,
    }


# The settings of a topic that the binding of AsyncAPI has.
_KNOWN_CONFIGS: Final = ("retention.ms", "retention.bytes", "delete.retention.ms", "max.message.bytes")


def _moved(schema: Any, name: str) -> Any:
    """Returns the schema with references to `components/schemas` in place of those to `$defs`."""
    if isinstance(schema, list):
        return [_moved(each, name) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        keyword: f"{_SCHEMAS}{name}.{value.removeprefix(DEFINITIONS)}"
        if keyword == "$ref"
        else _moved(value, name)
        for keyword, value in schema.items()
    }
