"""Every setting of a topic beside what Rollcall needs: what `rollcall topics` shows."""

from collections.abc import Mapping
from typing import Final, Literal

from msgspec import Struct

from app.settings import Settings
from app.topic_check import judged_rules, judged_topics, lacks_replicas
from app.topics import TopicDescription, TopicSpec

Verdict = Literal["ok", "warn", "refuse", "unknown"]

_WORST: Final[Mapping[Verdict, int]] = {"ok": 0, "unknown": 1, "warn": 2, "refuse": 3}


class TopicSetting(Struct, frozen=True):
    """One setting of a topic. `actual`: "" if it is not known. `expected`: in words, "" if any value will do.
    `verdict`: "refuse" keeps a worker from starting, "warn" makes it warn. `why`: what would happen."""

    name: str
    actual: str
    expected: str = ""
    verdict: Verdict = "ok"
    why: str = ""

    def line(self) -> str:
        """Returns `name=actual`, what is expected, and what is wrong."""
        told = f"{self.name}={self.actual or 'unknown'}"
        if self.expected:
            told += f", expected {self.expected}"
        return f"{told}; {self.verdict}: {self.why}" if self.why else told


def topic_settings(
    settings: Settings, topics: Mapping[str, TopicDescription]
) -> dict[str, list[TopicSetting]]:
    """Returns the settings of each expected topic that exists, by its name. `topics`: from `prepare_topics`.

    A setting that two rules judge is there once: with the stricter rule's expectation, and the verdict and
    the reason of the worst rule that is broken.
    """
    existing = judged_topics(settings, topics)
    found = {
        topic.name: _counts(settings, topic, described) if described.partitions else {}
        for topic, described in existing
    }
    for rule, subject, holds in judged_rules(existing):
        rows = found[subject.expected.name]
        actual = subject.described.configs[rule.config]
        expected = f"{rule.comparison.wanted} {rule.limit(subject)}"
        before = rows.get(rule.config)
        verdict: Verdict = "ok" if holds else rule.verdict
        why = "" if holds else rule.why
        if before is not None and _WORST[before.verdict] >= _WORST[verdict]:
            verdict, why = before.verdict, before.why
        rows[rule.config] = TopicSetting(rule.config, actual, expected, verdict, why)
    for topic, described in existing:
        rows = found[topic.name]
        for name, value in {"cleanup.policy": topic.cleanup, **topic.configs}.items():
            if name not in rows:
                actual = described.configs.get(name, "")
                verdict = "ok" if actual else "unknown"
                rows[name] = TopicSetting(name, actual, f"{value} if Rollcall creates it", verdict)
    return {name: list(rows.values()) for name, rows in found.items()}


def _counts(settings: Settings, topic: TopicSpec, described: TopicDescription) -> dict[str, TopicSetting]:
    partitions, replicas = str(described.partitions), str(described.replicas)
    rows = [TopicSetting("partitions", partitions)]
    if topic.fixed:
        wrong = described.partitions != topic.partitions
        rows = [
            TopicSetting(
                "partitions",
                partitions,
                f"exactly {topic.partitions}",
                "refuse" if wrong else "ok",
                "each user's records would be in two partitions" if wrong else "",
            )
        ]
    few = lacks_replicas(settings, described)
    rows.append(
        TopicSetting(
            "replicas",
            replicas,
            f"at least {settings.replication_factor}",
            "warn" if few else "ok",
            "fewer brokers may be lost without records being lost" if few else "",
        )
    )
    return {row.name: row for row in rows}
