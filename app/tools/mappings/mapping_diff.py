"""What differs between the outcomes of two versions of the mapping, in numbers. It has no I/O."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct, field

from app.tools.mappings.mapping_process import OutcomeText

# Names below these may come from a body (the members of Amity's `metadata`), so they are not shown.
_DEPTH: Final = 3
_DEEPER: Final = ("data", "user", "address")
_EXAMPLES: Final = 3
_ABSENT: Final = object()


class FieldChange(Struct):
    """How often a member of the events is there in one version only, or has another value. `examples`: the
    positions of the first records, with both values as JSON, None if it is absent."""

    changed: int = 0
    added: int = 0
    removed: int = 0
    examples: list[tuple[str, str | None, str | None]] = field(default_factory=list)


class OutcomeChange(Struct):
    """How many records have another outcome. `examples`: the positions of the first of them."""

    records: int = 0
    examples: list[str] = field(default_factory=list)


class MappingDiff(Struct):
    """The differences of all records that were compared, from the other version to the installed one."""

    records: int = 0
    different: int = 0
    """Records that differ in anything."""
    same: Counter[str] = field(default_factory=Counter)
    """By outcome: the records that have it in both."""
    outcomes: dict[tuple[str, str], OutcomeChange] = field(default_factory=dict)
    """By both outcomes, that of the other version first."""
    fields: dict[str, FieldChange] = field(default_factory=dict)
    """By path in the event; `events` is their number, `detail` that of a dead record."""

    def add(self, position: str, other: OutcomeText, ours: OutcomeText) -> None:
        """Counts a record. `position`: as `topic/partition/offset`."""
        self.records += 1
        if other == ours:
            self.same[_named(ours)] += 1
            return
        self.different += 1
        pair = _named(other), _named(ours)
        if pair[0] == pair[1]:
            self.same[pair[0]] += 1
            for path, old, new in _changes(other, ours):
                self._count(path, position, old, new)
            return
        change = self.outcomes.setdefault(pair, OutcomeChange())
        change.records += 1
        if len(change.examples) < _EXAMPLES:
            change.examples.append(position)

    def _count(self, path: str, position: str, old: Any, new: Any) -> None:
        change = self.fields.setdefault(path, FieldChange())
        if old is _ABSENT:
            change.added += 1
        elif new is _ABSENT:
            change.removed += 1
        else:
            change.changed += 1
        if len(change.examples) < _EXAMPLES:
            change.examples.append((position, _shown(old), _shown(new)))

    def lines(self, *, values: bool) -> list[str]:
        """Returns the differences as lines for people; with `values` also examples."""
        told = [f"{self.records:,} records, {self.different:,} of them differ"]
        for (old, new), change in sorted(self.outcomes.items()):
            told.append(f"  {old} -> {new}: {change.records:,}, for example {change.examples[0]}")
        for path, each in sorted(self.fields.items()):
            counts = {"changed": each.changed, "added": each.added, "removed": each.removed}
            told.append(f"  {path}: {', '.join(f'{name} {n:,}' for name, n in counts.items() if n)}")
            if values:
                told += [
                    f"    {at}: {_or_absent(old)} -> {_or_absent(new)}" for at, old, new in each.examples
                ]
        return told

    def members(self, *, values: bool) -> dict[str, Any]:
        """Returns the differences for JSON."""
        return {
            "records": self.records,
            "different": self.different,
            "same": dict(sorted(self.same.items())),
            "outcomes": [
                {"against": old, "installed": new, "records": each.records, "examples": each.examples}
                for (old, new), each in sorted(self.outcomes.items())
            ],
            "fields": [_members(path, each, values=values) for path, each in sorted(self.fields.items())],
        }


def _members(path: str, change: FieldChange, *, values: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "path": path,
        "changed": change.changed,
        "added": change.added,
        "removed": change.removed,
    }
    if values:
        found["examples"] = [
            {"position": position, **_raw("against", old), **_raw("installed", new)}
            for position, old, new in change.examples
        ]
    return found


def _named(outcome: OutcomeText) -> str:
    return f"{outcome.outcome} {outcome.reason}".rstrip()


def _changes(other: OutcomeText, ours: OutcomeText) -> Iterator[tuple[str, Any, Any]]:
    if other.detail != ours.detail:
        yield "detail", other.detail, ours.detail
    if len(other.events) != len(ours.events):
        yield "events", len(other.events), len(ours.events)
    for old, new in zip(other.events, ours.events, strict=False):
        if old != new:
            yield from _differences((), msgspec.json.decode(old), msgspec.json.decode(new))


def _differences(
    path: tuple[str, ...], old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[tuple[str, Any, Any]]:
    for name in dict.fromkeys([*old, *new]):
        inner = (*path, name)
        before, after = old.get(name, _ABSENT), new.get(name, _ABSENT)
        deep = len(inner) < _DEPTH or inner == _DEEPER
        if deep and isinstance(before, dict) and isinstance(after, dict):
            yield from _differences(inner, before, after)
        elif _shown(before) != _shown(after):
            yield ".".join(inner), before, after


def _shown(value: Any) -> str | None:
    """Returns the value as JSON, in which 1, 1.0 and true differ; None if there is none."""
    return None if value is _ABSENT else msgspec.json.encode(value, order="deterministic").decode()


def _or_absent(text: str | None) -> str:
    return "absent" if text is None else text


def _raw(name: str, text: str | None) -> dict[str, Any]:
    """Returns the value for JSON. An absent one has no member, and not null, which is a value."""
    return {} if text is None else {name: msgspec.Raw(text.encode())}
