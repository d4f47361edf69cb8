"""Each value that is left out of an event is counted by its name, and nothing else is counted."""

import pytest

from app.outcome import Emit
from app.vendors import VENDORS, convert
from tests.vendors.fixtures import fixtures_of

LEFT_OUT: dict[str, dict[str, list[str]]] = {
    "selfcommunity": {
        "an-update-with-deleted-true-is-a-soft-deletion": [],
        "deleted-null-is-alive": [],
        "deleted-as-text-is-left-out-and-deletes-nobody": ["deleted"],
        "deleted-as-a-number-is-left-out-and-deletes-nobody": ["deleted"],
        "a-role-that-is-a-list-is-carried-as-one": [],
        "a-list-of-no-roles-is-a-value": [],
        "a-role-of-empty-text-or-null-is-not-set": [],
        "a-role-that-is-an-object-is-left-out": ["role"],
        "odd-roles-of-a-list-are-left-out-alone": ["role"] * 5,
        "a-balance-of-reputation-that-is-text-counts-as-an-integer": [],
        "a-balance-of-reputation-of-100-0-counts-as-an-integer": [],
        "a-balance-of-reputation-of-null-is-as-absent": [],
        "a-score-without-reputation-has-no-balance": [],
        "a-balance-of-reputation-with-a-fraction-is-left-out": ["reputation"],
        "a-balance-of-reputation-that-is-other-text-is-left-out": ["reputation"],
        "a-balance-of-reputation-beyond-64-bits-is-left-out": ["reputation"],
        "a-balance-of-reputation-that-is-true-is-left-out": ["reputation"],
        "a-reputation-that-is-text-is-no-attribute": ["reputation"],
        "a-reputation-that-is-text-is-no-attribute-beside-points": ["reputation"],
        "points-of-10-0-with-a-balance-that-is-text-are-integers": [],
        "a-balance-of-points-of-null-is-as-absent": [],
        "a-balance-of-points-with-a-fraction-is-left-out": ["total_points"],
        "a-balance-of-points-that-is-other-text-is-left-out": ["total_points"],
        "a-balance-of-points-that-is-a-list-is-left-out": ["total_points"],
    },
    "fynd": {
        "a-whole-phone-and-a-date-of-birth-of-another-zone-are-known": ["dob"],
        "a-country-code-of-zero-is-none": [],
        "an-empty-country-code-is-none": [],
        "the-default-profile-image-is-no-claim": [],
        "a-picture-without-a-scheme-is-no-claim": [],
        "a-date-time-of-birth-is-cut-to-its-date": [],
        "a-date-of-birth-at-midnight-of-any-offset-is-a-claim": [],
        "a-date-of-birth-at-another-time-of-day-is-left-out": ["dob"],
        "a-date-of-birth-at-another-time-of-day-is-left-out-in-envelope-a": ["dob"],
        "a-date-of-birth-a-millisecond-after-midnight-is-left-out": ["dob"],
        "a-date-of-birth-with-half-a-time-is-left-out": ["dob"],
        "a-date-of-birth-with-other-text-behind-is-left-out": ["dob"],
        "a-midnight-of-a-day-that-does-not-exist-is-left-out": ["dob"],
        "a-date-of-birth-that-is-a-number-is-left-out": ["dob"],
    },
    "rocketchat": {
        "ejson-dates-as-long-texts-are-read": [],
        "more-members-of-an-ejson-date-are-not-looked-at": [],
        "odd-long-texts-of-carried-dates-are-left-out": ["createdAt", "lastLoginAt"],
        "long-texts-out-of-the-calendar-are-left-out": ["createdAt", "lastLoginAt"],
        "a-creation-date-of-an-odd-long-text-does-not-make-a-row": ["createdAt"],
    },
}
CASES = [(vendor, sentence) for vendor, sentences in LEFT_OUT.items() for sentence in sentences]


@pytest.mark.parametrize(("vendor", "sentence"), CASES)
def test_what_is_left_out_is_counted(vendor: str, sentence: str) -> None:
    (fixture,) = (each for each in fixtures_of(vendor) if each.sentence == sentence)
    outcome = convert(VENDORS[vendor], fixture, fixture.partition, fixture.options)
    assert isinstance(outcome, Emit)
    assert sorted(outcome.left_out) == LEFT_OUT[vendor][sentence]
