"""The loyalty row (docs/tables.md#loyalty-row)."""

import json
from typing import Any

from app.canonical import Event
from app.state import encode_loyalty
from tests.state.events import at, full, micros, points, score
from tests.state.histories import replay


def row(*events: Event) -> Any:
    _, loyalty = replay(list(events))
    return loyalty and json.loads(encode_loyalty(loyalty))


def test_a_row_has_the_members_of_the_contract_in_its_order() -> None:
    _, loyalty = replay([score(1, score={"balance": 111}), points(2, points={"balance": 530})])
    assert loyalty is not None
    assert (
        encode_loyalty(loyalty)
        == (
            '{"vendor":"magine","tenant":"acme","sub":"7",'
            f'"reputation":{{"value":111,"as_of":{micros(1)}}},"points":{{"value":530,"as_of":{micros(2)}}},"entries":['
            f'{{"id":"loyalty_points_updated:2","kind":"points","delta":10,"balance":530,"at":"{at(2)}"}},'
            f'{{"id":"score_updated:1","kind":"reputation","delta":1,"balance":111,"reason":"gain","at":"{at(1)}"}}]}}'
        ).encode()
    )


def test_only_scores_and_points_make_a_row() -> None:
    assert row(full(1, user={"name": "N"}, attributes={"reputation": 5})) is None


def test_without_a_balance_there_is_an_entry_only() -> None:
    assert row(score(1)).keys() == {"vendor", "tenant", "sub", "entries"}


def test_a_balance_is_the_newest_stated_one() -> None:
    history = [score(1, score={"balance": 5}), score(3), score(2, score={"balance": 6})]
    assert (
        row(*history)["reputation"] == row(*history[::-1])["reputation"] == {"value": 6, "as_of": micros(2)}
    )


def test_of_two_balances_of_one_time_the_greater_encoding_counts() -> None:
    history = [score(1, id="a", score={"balance": 9}), score(1, id="b", score={"balance": 10})]
    assert row(*history)["reputation"]["value"] == row(*history[::-1])["reputation"]["value"] == 9


def test_entries_are_newest_first_by_time_then_id() -> None:
    history = [score(1, id="a"), score(2, id="b"), score(1, id="c")]
    assert [entry["id"] for entry in row(*history)["entries"]] == ["b", "c", "a"]


def test_a_repeat_counts_once() -> None:
    assert row(score(1), score(1)) == row(score(1))


def test_of_two_entries_with_one_id_the_later_is_kept_and_of_one_time_the_greater() -> None:
    assert [entry["at"] for entry in row(score(2, id="a"), score(1, id="a"))["entries"]] == [at(2)]
    assert [entry["at"] for entry in row(score(1, id="a"), score(2, id="a"))["entries"]] == [at(2)]
    history = [score(1, id="a", score={"delta": 2}), score(1, id="a", score={"delta": 3})]
    assert row(*history) == row(*history[::-1])
    assert [entry["delta"] for entry in row(*history)["entries"]] == [3]


def test_twenty_entries_are_kept() -> None:
    history = [score(second) for second in range(30)]
    kept = [at(second) for second in range(29, 9, -1)]
    assert [entry["at"] for entry in row(*history)["entries"]] == kept
    assert [entry["at"] for entry in row(*history[::-1])["entries"]] == kept
