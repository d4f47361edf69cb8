"""Every mutation and every point of the fault matrix can be planted in the program as it is now."""

import subprocess
import sys

from tests.tools.faults.mutations import MUTATIONS
from tests.tools.faults.points import POINTS

# A process for each, because what is planted stays. They are forked after the imports, which cost most.
PLANT_EACH = """
import os
import traceback
from pathlib import Path

from app.settings import Settings
from tests.tools.faults.mutations import MUTATIONS
from tests.tools.faults.points import POINTS


def try_out(name, plant):
    child = os.fork()
    if not child:
        try:
            plant()
        except BaseException as problem:
            traceback.print_exception(problem)
            os._exit(1)
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
        print(name, flush=True)


for name, mutate in MUTATIONS.items():
    try_out(name, lambda: mutate(Settings()))
for name, point in POINTS.items():
    try_out(name, lambda: point.install(Path("."), Settings()))
"""


def test_every_mutation_and_every_point_can_be_planted() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PLANT_EACH], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout.splitlines() == [*MUTATIONS, *POINTS], done.stderr
