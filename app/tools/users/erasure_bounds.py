"""Until when Kafka may keep what is still in a topic after a deletion (docs/tools/forget.md#until-when)."""

from collections.abc import Mapping
from typing import Final, NamedTuple

_NEVER: Final = (1 << 63) - 1
_DEFAULT_SEGMENT_MS: Final = 7 * 86_400_000


class Until(NamedTuple):
    """A time in milliseconds since 1970; None if there is no bound, or none is known. `why`: what it comes
    from, or why there is none."""

    at: int | None
    why: str


def retention_until(newest: int, configs: Mapping[str, str]) -> Until:
    """Returns when a topic that deletes has removed the records up to the one stamped `newest`, in
    milliseconds since 1970. Kafka removes whole segments, and one may take records for `segment.ms`."""
    policies = _policies(configs)
    if not configs:
        return Until(None, "the topic's settings are not known")
    if "delete" not in policies:
        return Until(None, "the topic is compacted and has no retention")
    retention = _number(configs, "retention.ms", _NEVER)
    if retention < 0 or retention == _NEVER:
        return Until(None, "the topic has no retention.ms")
    if newest < 0:
        return Until(None, "a record has no timestamp")
    segment = _number(configs, "segment.ms", _DEFAULT_SEGMENT_MS)
    return Until(newest + retention + segment, "retention.ms and segment.ms")


def compaction_until(replaced: int, configs: Mapping[str, str]) -> Until:
    """Returns when compaction has removed the versions of a row that a record stamped `replaced`, in
    milliseconds since 1970, has replaced: if the partition is written to meanwhile."""
    policies = _policies(configs)
    if not configs:
        return Until(None, "the topic's settings are not known")
    if "compact" not in policies:
        return Until(None, "the topic is not compacted")
    lag = _number(configs, "max.compaction.lag.ms", _NEVER)
    if lag == _NEVER:
        return Until(None, "the topic has no max.compaction.lag.ms")
    return Until(replaced + lag, "max.compaction.lag.ms, if the partition is written to")


def marker_until(deleted_at: int, grace_ms: int, configs: Mapping[str, str]) -> Until:
    """Returns when the marker of a deletion, and then its tombstone, is gone. `deleted_at`: in milliseconds
    since 1970. `grace_ms`: the grace period."""
    replaced = compaction_until(deleted_at + grace_ms, configs)
    if replaced.at is None:
        return replaced
    lag = _number(configs, "max.compaction.lag.ms", 0)
    kept = _number(configs, "delete.retention.ms", 86_400_000)
    why = "GRACE_PERIOD, max.compaction.lag.ms and delete.retention.ms, if the partition is written to"
    return Until(replaced.at + kept + lag, why)


def _policies(configs: Mapping[str, str]) -> list[str]:
    return [each.strip() for each in configs.get("cleanup.policy", "delete").split(",")]


def _number(configs: Mapping[str, str], name: str, default: int) -> int:
    try:
        return int(configs.get(name, default))
    except ValueError:
        return default
