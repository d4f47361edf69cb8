"""Python's garbage collector, told what it need not look at.

Records, events and rows form no cycles: reference counts free them, and the collector only scans them,
again and again (a tenth of a busy worker's time).
"""

import gc
from typing import Final

# Objects in a few slices. More gains nothing, less scans slices in flight.
_YOUNG: Final = 100_000


def tune_collector() -> None:
    """To be called once, when all modules are loaded: they stay, and need no scan."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 20, 50)
