"""Random histories like those of histories.py, made without Hypothesis: thousands of them take seconds."""

from collections.abc import Iterator
from random import Random
from typing import Any, Final

from app.canonical import EVENT_TYPES, Event
from tests.state.events import at, event, score

_KINDS: Final = [kind.removeprefix("user.") for kind in EVENT_TYPES if kind != "user.deleted"]
_VALUES: Final[list[Any]] = [
    *["a", "b", "é", "", 1, 1.0, True, False, 0, -0.0, 10**25, None, None],
    *[{"x": 1, "y": [2]}, {"y": [2], "x": 1}, ["a"], [], {}],
]


def random_histories(seed: int, count: int) -> Iterator[list[Event]]:
    """Histories of one user. The same seed gives the same histories."""
    rng = Random(seed)
    for _ in range(count):
        # One in fifty has more changes of a balance than a row has entries.
        many_entries = rng.random() < 0.02
        yield _many_entries(rng) if many_entries else [_event(rng) for _ in range(rng.randint(1, 8))]


def _many_entries(rng: Random) -> list[Event]:
    return [
        score(rng.randint(number, number + 2), id=str(rng.randint(0, 90)), score={"balance": number})
        for number in range(30)
    ]


def _event(rng: Random) -> Event:
    second, event_id = rng.randint(0, 5), rng.choice("abc")
    if rng.random() < 0.12:
        return event("deleted", second, id=event_id)
    spellings = (at(second), f"2024-01-01T00:00:0{second}Z", f"2024-01-01 01:00:0{second}.0000009+01:00")
    return event(
        rng.choice(_KINDS),
        second,
        time=rng.choice([at(second), *spellings]),
        id=event_id,
        full=rng.random() < 0.5,
        **_data(rng),
    )


def _data(rng: Random) -> dict[str, Any]:
    data: dict[str, Any] = {"user": _some(rng, ["email", "name", "address.country"])}
    if rng.random() < 0.3:
        addresses = [None, "no object", _some(rng, ["country", "locality"])]
        data["user"]["address"] = rng.choice(addresses)
    members: dict[str, Any] = {
        "status": rng.choice(["active", "blocked", "deleted"]),
        "attributes": _some(rng, ["roles", "x.y"]),
        "settings": _some(rng, ["sound", "mail"]),
        "presence": {"status": rng.choice(["away", "online"])},
        "score": _change(rng),
        "points": _change(rng),
    }
    return data | {name: value for name, value in members.items() if rng.random() < 0.25}


def _some(rng: Random, names: list[str]) -> dict[str, Any]:
    return {name: rng.choice(_VALUES) for name in names if rng.random() < 0.4}


def _change(rng: Random) -> dict[str, Any]:
    change: dict[str, Any] = {"delta": rng.choice([1, -2])}
    if rng.random() < 0.6:
        change["balance"] = rng.choice([9, 111])
    if rng.random() < 0.3:
        change["reason"] = rng.choice(["a", "b"])
    return change
