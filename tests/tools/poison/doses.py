"""All poison of a seed: first each kind once, then by chance."""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from random import Random
from typing import Final

from app.settings import Settings
from app.vendors import VENDORS
from tests.tools.poison import canonical_doses, changelog_doses, vendor_doses
from tests.tools.poison.canonical_doses import CanonicalDoses
from tests.tools.poison.changelog_doses import TABLES, ChangelogDoses
from tests.tools.poison.dose import Boundary, Dose
from tests.tools.poison.vendor_doses import VendorDoses

_BOUNDARIES: Final[dict[Boundary, int]] = {"vendor": 70, "canonical": 18, "changelog": 12}
_KINDS: Final[dict[Boundary, dict[str, int]]] = {
    "vendor": vendor_doses.WEIGHTS,
    "canonical": canonical_doses.WEIGHTS,
    "changelog": changelog_doses.WEIGHTS,
}


class Doses:
    """Makes doses of the random numbers."""

    def __init__(self, rng: Random, settings: Settings, without: Sequence[str] = ()) -> None:
        """`without`: patterns of kinds that are left out."""
        self.without = without
        self.changelog = ChangelogDoses(rng, settings)
        self._rng = rng
        self._vendor = VendorDoses(rng, settings)
        self._canonical = CanonicalDoses(rng, settings)

    def __iter__(self) -> Iterator[Dose]:
        kinds = {
            boundary: {
                kind: weight
                for kind, weight in weights.items()
                if not any(fnmatch(kind, each) for each in self.without)
            }
            for boundary, weights in _KINDS.items()
        }
        each = [(boundary, kind) for boundary, weights in kinds.items() for kind in weights]
        self._rng.shuffle(each)
        for boundary, kind in each:
            yield self.of(boundary, kind)
        while True:
            (boundary,) = self._rng.choices(list(_BOUNDARIES), list(_BOUNDARIES.values()))
            if weights := kinds[boundary]:
                yield self.of(boundary, *self._rng.choices(list(weights), list(weights.values())))

    def of(self, boundary: Boundary, kind: str) -> Dose:
        """Returns a dose of that kind."""
        match boundary:
            case "vendor":
                return self._vendor.of(kind, self._rng.choice(list(VENDORS)))
            case "canonical":
                return self._canonical.of(kind)
            case "changelog":
                return self.changelog.of(kind, self._rng.choice(TABLES))
