"""Every part of aiokafka that Rollcall replaces, each with its reason and the state upstream.

Importing this module installs all of them, once. Every module that makes a client of aiokafka imports it,
or lies in a package that does; tests/test_aiokafka_patches.py looks at each of them.

1. No metadata request may create a topic. aiokafka 0.14 asks with `allow_auto_topic_creation=true` in each
   metadata request and has no option for it (the Java client has `allow.auto.create.topics`). With Kafka's
   default, `auto.create.topics.enable=true`, a mere look at a missing topic creates it, with the broker's
   partition count and cleanup policy. KIP-361 gave the Java client its option; we know of no issue of
   aiokafka about it.
"""

from aiokafka.protocol.metadata import MetadataRequest, MetadataRequestStruct

_build = MetadataRequest.build


def _build_without_creation(
    self: MetadataRequest, request_struct_class: type[MetadataRequestStruct]
) -> MetadataRequestStruct:
    """Brokers since 0.11 know the flag (version 4 of the request)."""
    self._allow_auto_topic_creation = False
    return _build(self, request_struct_class)


MetadataRequest.build = _build_without_creation
